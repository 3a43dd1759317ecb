#include "api/quantity.h"

#include <array>
#include <charconv>
#include <limits>

namespace slipway {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t factor;
};

constexpr std::array kByteUnits = {
    Unit{"Ki", 1LL << 10}, Unit{"Mi", 1LL << 20},    Unit{"Gi", 1LL << 30},
    Unit{"Ti", 1LL << 40}, Unit{"k", 1000},          Unit{"M", 1000000},
    Unit{"G", 1000000000}, Unit{"T", 1000000000000}, Unit{"", 1},
};
// In descending order, which is also the only order a duration may be written in.
constexpr std::array kTimeUnits = {Unit{"h", 3600000}, Unit{"m", 60000}, Unit{"s", 1000}, Unit{"ms", 1}};
constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

Error invalid(std::string message) { return Error{ErrorClass::Invalid, std::move(message)}; }

std::size_t count_digits(std::string_view text) {
  const auto end = text.find_first_not_of("0123456789");
  return end == std::string_view::npos ? text.size() : end;
}

// Digits only: from_chars alone would also take a sign.
std::optional<std::int64_t> parse_digits(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || count_digits(text) != text.size()) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

std::optional<std::int64_t> multiply(std::optional<std::int64_t> value, std::int64_t factor) {
  if (!value || *value > kLargest / factor) return std::nullopt;
  return *value * factor;
}

const Unit* find_unit(auto& units, std::string_view suffix) {
  for (const auto& unit : units) {
    if (unit.suffix == suffix) return &unit;
  }
  return nullptr;
}

// One "<digits><unit>" group of a duration, taken off the front of `text`.
std::optional<std::int64_t> take_group(std::string_view& text, std::size_t& first_allowed_unit) {
  const auto digits = count_digits(text);
  // Five digits a group, as GEP-2257 says: no duration can overflow.
  if (digits == 0 || digits > 5) return std::nullopt;
  const auto value = parse_digits(text.substr(0, digits));
  text.remove_prefix(digits);
  const auto suffix = text.substr(0, text.find_first_of("0123456789"));
  const auto* unit = find_unit(kTimeUnits, suffix);
  if (unit == nullptr) return std::nullopt;
  const auto index = static_cast<std::size_t>(unit - kTimeUnits.data());
  if (index < first_allowed_unit) return std::nullopt;
  first_allowed_unit = index + 1;
  text.remove_prefix(suffix.size());
  return multiply(value, unit->factor);
}

}  // namespace

Result<std::int64_t> parse_bytes(std::string_view text) {
  const auto digits = count_digits(text);
  const auto* unit = find_unit(kByteUnits, text.substr(digits));
  if (digits == 0 || unit == nullptr)
    return invalid("expected a quantity of bytes such as 512Mi, 1G or 65536");
  const auto bytes = multiply(parse_digits(text.substr(0, digits)), unit->factor);
  if (!bytes) return invalid("the quantity is too large");
  return *bytes;
}

Result<std::int64_t> parse_millicores(std::string_view text) {
  const auto expected = invalid("expected a quantity of cores such as 500m, 2 or 0.5");
  if (text.ends_with('m')) {
    const auto value = parse_digits(text.substr(0, text.size() - 1));
    if (!value || *value < 1) return expected;
    return *value;
  }
  const auto dot = text.find('.');
  std::string fraction(dot == std::string_view::npos ? "" : text.substr(dot + 1));
  if (dot != std::string_view::npos && (fraction.empty() || fraction.size() > 3)) return expected;
  fraction.resize(3, '0');
  const auto whole = multiply(parse_digits(text.substr(0, dot)), 1000);
  const auto thousandths = parse_digits(fraction);
  if (!whole || !thousandths || *whole > kLargest - 1000 || *whole + *thousandths < 1) return expected;
  return *whole + *thousandths;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto expected = invalid("expected a duration such as 5m, 1h30m or whole seconds");
  if (const auto seconds = multiply(parse_digits(text), 1000)) return std::chrono::milliseconds(*seconds);
  if (text.empty()) return expected;
  std::int64_t total = 0;
  std::size_t first_allowed_unit = 0;
  while (!text.empty()) {
    const auto group = take_group(text, first_allowed_unit);
    if (!group) return expected;
    total += *group;
  }
  return std::chrono::milliseconds(total);
}

std::string format_bytes(std::int64_t bytes) {
  if (bytes == 0) return "0";
  for (std::size_t i = 4; i-- > 0;) {
    const auto& unit = kByteUnits.at(i);
    if (bytes % unit.factor == 0) return std::to_string(bytes / unit.factor) + std::string(unit.suffix);
  }
  return std::to_string(bytes);
}

std::string format_millicores(std::int64_t millicores) {
  if (millicores % 1000 == 0) return std::to_string(millicores / 1000);
  return std::to_string(millicores) + "m";
}

std::string format_duration(std::chrono::milliseconds duration) {
  auto rest = duration.count();
  if (rest == 0) return "0s";
  // More hours than one group may hold are read back as plain seconds.
  if (rest / kTimeUnits[0].factor > 99999 && rest % 1000 == 0) return std::to_string(rest / 1000);
  std::string text;
  for (const auto& unit : kTimeUnits) {
    if (rest >= unit.factor) text += std::to_string(rest / unit.factor) + std::string(unit.suffix);
    rest %= unit.factor;
  }
  return text;
}

}  // namespace slipway

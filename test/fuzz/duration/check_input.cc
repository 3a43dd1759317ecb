#include "test/fuzz/check_input.h"

#include <cstring>
#include <limits>
#include <optional>

#include "api/quantity.h"
#include "api/timestamp.h"

// Durations beside a second reading of their grammar, and moments: what is accepted is written and read back.
namespace slipway::fuzz {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kMostSeconds = std::numeric_limits<std::int64_t>::max() / 1000;

std::optional<std::int64_t> digits(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    if (value > kMostSeconds) continue;
    value = value * 10 + (c - '0');
  }
  return value;
}

// ([0-9]{1,5}(h|m|s|ms)){1,4}, each unit at most once and in this order; or seconds alone.
std::optional<std::int64_t> again(std::string_view text) {
  if (const auto seconds = digits(text))
    return *seconds > kMostSeconds ? std::nullopt : std::optional(*seconds * 1000);
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  for (const auto& [unit, factor] :
       {std::pair(std::string_view("h"), 3600000), std::pair(std::string_view("m"), 60000),
        std::pair(std::string_view("s"), 1000), std::pair(std::string_view("ms"), 1)}) {
    const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto rest = text.substr(end);
    const bool here = rest.starts_with(unit) && !(unit == "m" && rest.starts_with("ms"));
    if (!here) continue;
    if (end == 0 || end > 5) return std::nullopt;
    total += *digits(text.substr(0, end)) * factor;
    text = rest.substr(unit.size());
  }
  return text.empty() ? std::optional(total) : std::nullopt;
}

std::string check_duration(std::string_view text) {
  const auto parsed = parse_duration(text);
  const auto expected = again(text);
  if (parsed.has_value() != expected.has_value()) return "accepted by one reading only";
  if (!parsed) return parsed.error().message.empty() ? "refused without a reason" : "";
  if (parsed->count() != *expected) return "two values";
  const auto written = format_duration(*parsed);
  const auto second = parse_duration(written);
  if (!second || *second != *parsed) return "what is written is not read back";
  return format_duration(*second) == written ? "" : "written in two ways";
}

std::string check_timestamp(std::string_view text) {
  const auto parsed = parse_timestamp(text);
  if (!parsed) return parsed.error().message.empty() ? "a moment refused without a reason" : "";
  const auto written = format_timestamp(*parsed);
  const auto second = parse_timestamp(written);
  if (!second || *second != *parsed) return "a moment that is written is not read back";
  return format_timestamp(*second) == written ? "" : "a moment written in two ways";
}

// The bytes as an amount: every duration that one may ask for can be written.
std::string check_amount(std::string_view bytes) {
  std::int64_t amount = 0;
  if (bytes.empty()) return {};
  std::memcpy(&amount, bytes.data(), std::min(bytes.size(), sizeof amount));
  const auto seconds = std::chrono::seconds((amount & std::numeric_limits<std::int64_t>::max()) / 1000);
  const auto read = parse_duration(format_duration(seconds));
  return read && *read == seconds ? "" : "an amount of seconds is not read back";
}

}  // namespace

std::string check_input(std::string_view bytes) {
  if (auto broken = check_duration(bytes); !broken.empty()) return broken;
  if (auto broken = check_timestamp(bytes); !broken.empty()) return broken;
  return check_amount(bytes);
}

}  // namespace slipway::fuzz

#include "test/fuzz/check_input.h"

#include <array>
#include <limits>
#include <optional>

#include "api/quantity.h"

// The two quantities beside a second reading of their grammar, in arithmetic that cannot overflow.
namespace slipway::fuzz {
namespace {

using Wide = unsigned __int128;
constexpr Wide kLargest = std::numeric_limits<std::int64_t>::max();

// All of `text` as digits; capped far beyond what fits.
std::optional<Wide> digits(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Wide value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = std::min(value * 10 + static_cast<unsigned>(c - '0'), kLargest * 2);
  }
  return value;
}

std::optional<std::int64_t> within(std::optional<Wide> value, Wide least) {
  if (!value || *value < least || *value > kLargest) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<std::int64_t> bytes_again(std::string_view text) {
  Wide factor = 1;
  const bool binary = text.ends_with('i');
  const auto at = std::string_view(binary ? "KMGT" : "kMGT")
                      .find(text.size() > (binary ? 1U : 0U) ? text[text.size() - (binary ? 2 : 1)] : ' ');
  if (binary && at == std::string_view::npos) return std::nullopt;
  if (at != std::string_view::npos) {
    for (std::size_t i = 0; i <= at; ++i) factor *= binary ? 1024 : 1000;
    text.remove_suffix(binary ? 2 : 1);
  }
  const auto value = digits(text);
  return within(value ? std::optional(*value * factor) : std::nullopt, 0);
}

std::optional<std::int64_t> millicores_again(std::string_view text) {
  if (text.ends_with('m')) return within(digits(text.substr(0, text.size() - 1)), 1);
  const auto dot = text.find('.');
  auto fraction = dot == std::string_view::npos ? std::string("0") : std::string(text.substr(dot + 1));
  if (fraction.empty() || fraction.size() > 3) return std::nullopt;
  fraction.resize(3, '0');
  const auto whole = digits(text.substr(0, dot));
  const auto part = digits(fraction);
  if (!whole || !part) return std::nullopt;
  return within(*whole * 1000 + *part, 1);
}

// The largest amounts are refused a little early, where a sum might overflow.
constexpr std::int64_t kNearLargest = std::numeric_limits<std::int64_t>::max() - 2000;

template <class Parse, class Format, class Again>
std::string check(std::string_view text, Parse parse, Format format, Again again, const char* what) {
  const auto parsed = parse(text);
  const auto expected = again(text);
  const bool both = parsed && expected;
  if (!both && (parsed || (expected && *expected < kNearLargest)))
    return std::string(what) + ": accepted by one reading only";
  if (!parsed) return parsed.error().message.empty() ? std::string(what) + ": refused without a reason" : "";
  if (*parsed != *expected) return std::string(what) + ": two values";
  const auto written = format(*parsed);
  const auto second = parse(written);
  if (!second || *second != *parsed) return std::string(what) + ": what is written is not read back";
  return format(*second) == written ? "" : std::string(what) + ": written in two ways";
}

}  // namespace

std::string check_input(std::string_view bytes) {
  const auto broken = check(bytes, parse_bytes, format_bytes, bytes_again, "bytes");
  return broken.empty() ? check(bytes, parse_millicores, format_millicores, millicores_again, "cores")
                        : broken;
}

}  // namespace slipway::fuzz

#include "runtime/docker/rfc3339.h"

#include <charconv>

namespace slipway::runtime {
namespace {

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  const char* end = text.data() + at + count;
  const auto [stop, error] = std::from_chars(text.data() + at, end, value);
  if (error != std::errc() || stop != end || value < 0) return std::nullopt;
  return value;
}

/// Eats ".123456789" as microseconds.
Duration take_fraction(std::string_view& rest) {
  if (rest.empty() || rest.front() != '.') return Duration(0);
  rest.remove_prefix(1);
  std::int64_t micros = 0;
  int count = 0;
  for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1), ++count) {
    if (count < 6) micros = micros * 10 + (rest.front() - '0');
  }
  for (; count < 6; ++count) micros *= 10;
  return Duration(micros);
}

std::optional<Duration> offset(std::string_view zone) {
  if (zone == "Z") return Duration(0);
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  const auto hours = digits(zone, 1, 2);
  const auto minutes = digits(zone, 4, 2);
  if (!hours || !minutes) return std::nullopt;
  const Duration distance = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return zone[0] == '+' ? distance : -distance;
}

}  // namespace

std::optional<TimePoint> parse_rfc3339(std::string_view text) {
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2),
             hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  std::string_view rest = text.substr(19);
  const Duration fraction = take_fraction(rest);
  const auto zone = offset(rest);
  if (!zone) return std::nullopt;
  if (*year <= 1) return TimePoint{};
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return TimePoint(std::chrono::sys_days(date)) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + fraction - *zone;
}

}  // namespace slipway::runtime

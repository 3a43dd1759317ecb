#include "api/timestamp.h"

#include <charconv>
#include <cstdio>

namespace slipway {
namespace {

using std::chrono::day, std::chrono::days, std::chrono::floor, std::chrono::hh_mm_ss, std::chrono::hours,
    std::chrono::microseconds, std::chrono::minutes, std::chrono::month, std::chrono::seconds,
    std::chrono::sys_days, std::chrono::year, std::chrono::year_month_day;

// Takes exactly `digits` digits off the front; -1 if they are not there.
int take_number(std::string_view& text, std::size_t digits) {
  int value = -1;
  const auto part = text.substr(0, digits);
  if (part.size() != digits || part.find_first_not_of("0123456789") != part.npos) return -1;
  std::from_chars(part.data(), part.data() + digits, value);
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == any_of.npos) return false;
  text.remove_prefix(1);
  return true;
}

bool take_fraction(std::string_view& text, microseconds& fraction) {
  if (!take(text, ".")) return true;
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > 6) return false;
  auto value = take_number(text, digits);
  for (auto i = digits; i < 6; ++i) value *= 10;
  fraction = microseconds(value);
  return true;
}

bool take_offset(std::string_view& text, minutes& offset) {
  if (take(text, "Zz")) return true;
  const bool west = text.starts_with('-');
  if (!take(text, "+-")) return false;
  const auto h = take_number(text, 2);
  const bool colon = take(text, ":");
  const auto m = take_number(text, 2);
  if (!colon || h < 0 || h > 23 || m < 0 || m > 59) return false;
  offset = (hours(h) + minutes(m)) * (west ? -1 : 1);
  return true;
}

}  // namespace

Result<TimePoint> parse_timestamp(std::string_view text) {
  const Error expected{ErrorClass::Invalid, "expected a time such as 2027-01-01T00:00:00Z"};
  const auto y = take_number(text, 4);
  bool good = take(text, "-");
  const auto mo = take_number(text, 2);
  good = good && take(text, "-");
  const auto d = take_number(text, 2);
  good = good && take(text, "Tt ");
  const auto h = take_number(text, 2);
  good = good && take(text, ":");
  const auto mi = take_number(text, 2);
  good = good && take(text, ":");
  const auto s = take_number(text, 2);
  microseconds fraction{0};
  minutes offset{0};
  good = good && take_fraction(text, fraction) && take_offset(text, offset) && text.empty();
  if (!good || y < 1970 || mo < 1 || d < 1 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59)
    return expected;
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
  if (!date.ok()) return expected;
  const auto time = TimePoint(sys_days(date)) + hours(h) + minutes(mi) + seconds(s) + fraction - offset;
  // An offset may lead out of the years that can be written back.
  if (time < TimePoint{} || time >= TimePoint(sys_days(year(10000) / 1 / 1))) return expected;
  return time;
}

std::string format_timestamp(TimePoint time) {
  const auto date = floor<days>(time);
  const year_month_day ymd(date);
  const hh_mm_ss<microseconds> clock(time - date);
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(ymd.year()),
                static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::string out(buffer);
  if (const auto fraction = clock.subseconds().count(); fraction != 0) {
    std::snprintf(buffer, sizeof buffer, ".%06d", static_cast<int>(fraction));
    out += buffer;
    while (out.ends_with('0')) out.pop_back();
  }
  return out + "Z";
}

}  // namespace slipway

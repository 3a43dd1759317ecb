#include "store/postgres/parameters.h"

#include <fmt/format.h>

namespace slipway::store::postgres {

std::string timestamp(TimePoint at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const auto us = (at - day).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     us / 3'600'000'000, us / 60'000'000 % 60, us / 1'000'000 % 60, us % 1'000'000);
}

TimePoint time_point(std::int64_t microseconds) { return TimePoint(std::chrono::microseconds(microseconds)); }

std::string bytea(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text = "\\x";
  text.reserve(2 + 2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

void Column::separate() {
  if (text_.size() > 1) text_ += ',';
}

void Column::add(std::string_view value) {
  separate();
  text_ += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') text_ += '\\';
    text_ += c;
  }
  text_ += '"';
}

void Column::add(std::int64_t value) {
  separate();
  text_ += std::to_string(value);
}

void Column::add(bool value) {
  separate();
  text_ += value ? 't' : 'f';
}

void Column::add(TimePoint value) { add(std::string_view(timestamp(value))); }

void Column::add_null() {
  separate();
  text_ += "NULL";
}

std::string Column::take() { return std::move(text_) + "}"; }

std::string array(const std::vector<std::string>& values) {
  Column column;
  for (const auto& value : values) column.add(value);
  return column.take();
}

}  // namespace slipway::store::postgres

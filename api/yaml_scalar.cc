#include "api/yaml_scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "api/utf8.h"

namespace slipway {

using nlohmann::json;

namespace {

enum class Number { None, Integer, Float };

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  return at;
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? without std::regex, which recurses per character.
Number classify(std::string_view text) {
  std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const auto whole = at;
  at = skip_digits(text, at);
  const bool has_whole = at > whole;
  auto kind = Number::Integer;
  bool has_fraction = false;
  if (at < text.size() && text[at] == '.') {
    const auto end = skip_digits(text, at + 1);
    has_fraction = end > at + 1;
    at = end;
    kind = Number::Float;
  }
  if (!has_whole && !has_fraction) return Number::None;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const auto end = skip_digits(text, at);
    if (end == at) return Number::None;
    at = end;
    kind = Number::Float;
  }
  return at == text.size() ? kind : Number::None;
}

template <class T>
bool read_all(std::string_view text, int base, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size();
}

std::optional<json> integer(std::string_view digits, int base) {
  std::int64_t value = 0;
  if (read_all(digits, base, value)) return json(value);
  std::uint64_t large = 0;
  if (read_all(digits, base, large)) return json(large);
  return std::nullopt;
}

std::optional<json> floating(std::string_view digits) {
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size() || !std::isfinite(value))
    return std::nullopt;
  return json(value);
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

}  // namespace

std::optional<json> resolve_plain_scalar(const std::string& text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return json(nullptr);
  if (is_one_of(text, {"true", "True", "TRUE"})) return json(true);
  if (is_one_of(text, {"false", "False", "FALSE"})) return json(false);
  const std::string_view view(text);
  if (view.starts_with("0x") && view.find_first_not_of("0123456789abcdefABCDEF", 2) == view.npos &&
      view.size() > 2) {
    return integer(view.substr(2), 16);
  }
  if (view.starts_with("0o") && view.find_first_not_of("01234567", 2) == view.npos && view.size() > 2) {
    return integer(view.substr(2), 8);
  }
  const auto unsigned_part = view.substr(view.starts_with('+') ? 1 : 0);
  switch (classify(view)) {
    case Number::Integer:
      return integer(unsigned_part, 10);
    case Number::Float:
      return floating(unsigned_part);
    case Number::None:
      break;
  }
  const auto magnitude = view.substr(view.starts_with('+') || view.starts_with('-') ? 1 : 0);
  if (is_one_of(magnitude, {".inf", ".Inf", ".INF"}) || is_one_of(view, {".nan", ".NaN", ".NAN"}))
    return std::nullopt;
  return json(text);
}

std::size_t find_unprintable(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c >= 0x20 && c < 0x7f) {
      ++at;
      continue;
    }
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) return at;
    const auto length = utf8_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

}  // namespace slipway

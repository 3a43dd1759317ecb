#include <algorithm>
#include <charconv>

#include "api/json_schema/ecma_pattern.h"

namespace slipway::json_schema {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int length_of(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

}  // namespace

bool EcmaReader::skip(std::string_view expected) {
  if (!text_.substr(std::min(at_, text_.size())).starts_with(expected)) return false;
  at_ += expected.size();
  return true;
}

std::optional<char32_t> EcmaReader::next() {
  if (done()) return std::nullopt;
  const auto lead = static_cast<unsigned char>(text_[at_]);
  const int length = length_of(lead);
  if (length == 0 || at_ + static_cast<std::size_t>(length) > text_.size()) {
    at_ = text_.size();
    return std::nullopt;
  }
  constexpr unsigned char kLeadBits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  auto character = static_cast<char32_t>(lead & kLeadBits[length]);
  for (int i = 1; i < length; ++i)
    character =
        (character << 6) | (static_cast<unsigned char>(text_[at_ + static_cast<std::size_t>(i)]) & 0x3F);
  at_ += static_cast<std::size_t>(length);
  return character;
}

std::optional<char32_t> EcmaReader::hexadecimal(int least, int most) {
  const auto rest = text_.substr(std::min(at_, text_.size()), static_cast<std::size_t>(most));
  std::uint32_t value = 0;
  const auto end = std::from_chars(rest.data(), rest.data() + rest.size(), value, 16).ptr;
  const auto length = end - rest.data();
  if (length < least) return std::nullopt;
  at_ += static_cast<std::size_t>(length);
  return static_cast<char32_t>(value);
}

std::optional<std::string_view> EcmaReader::until(char end) {
  const auto found = text_.find(end, at_);
  if (found == std::string_view::npos) return std::nullopt;
  const auto between = text_.substr(at_, found - at_);
  at_ = found + 1;
  return between;
}

std::optional<std::string_view> EcmaReader::counted_repeat() {
  std::size_t ahead = 1;
  while (is_digit(peek(ahead))) ++ahead;
  if (ahead == 1) return std::nullopt;
  if (peek(ahead) == ',') ++ahead;
  while (is_digit(peek(ahead))) ++ahead;
  if (peek(ahead) != '}') return std::nullopt;
  const auto repeat = text_.substr(at_, ahead + 1);
  at_ += ahead + 1;
  return repeat;
}

}  // namespace slipway::json_schema

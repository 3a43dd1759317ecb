#include <algorithm>

#include "api/json_schema/ecma_pattern.h"

namespace slipway::json_schema {
namespace {

// White space and line ends of ECMA-262, and everything else: RE2's \s knows ASCII only.
constexpr const char* kSpace =
    R"(\x{9}-\x{d}\x{20}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff})";
constexpr const char* kNotSpace =
    R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e})"
    R"(\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff})";

Escape character(char32_t value) { return {value, "", "", ""}; }
Escape ranges(std::string text) { return {std::nullopt, std::move(text), "", ""}; }
Escape problem(std::string why) { return {std::nullopt, "", "", std::move(why)}; }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

Escape read_unicode(EcmaReader& reader) {
  const auto wrong = problem("has an escape \\u without a character");
  if (reader.skip("{")) {
    const auto value = reader.hexadecimal(1, 8);
    return value && *value <= 0x10FFFF && reader.skip("}") ? character(*value) : wrong;
  }
  const auto high = reader.hexadecimal(4, 4);
  if (!high) return wrong;
  if (*high < 0xD800 || *high > 0xDFFF) return character(*high);
  if (*high > 0xDBFF || !reader.skip("\\u")) return problem("has half a surrogate pair");
  const auto low = reader.hexadecimal(4, 4);
  if (!low || *low < 0xDC00 || *low > 0xDFFF) return problem("has half a surrogate pair");
  return character(0x10000 + ((*high - 0xD800) << 10) + (*low - 0xDC00));
}

Escape read_control(EcmaReader& reader) {
  if (!is_letter(reader.peek())) return problem("has an escape \\c without a letter");
  return character(*reader.next() % 32);
}

Escape read_property(EcmaReader& reader, bool negated) {
  const auto name = reader.skip("{") ? reader.until('}') : std::nullopt;
  return name ? property_class(*name, negated) : problem("has an escape \\p without {Name}");
}

std::optional<Escape> read_shorthand(char c) {
  switch (c) {
    case 'd':
      return ranges("0-9");
    case 'D':
      return ranges("\\D");
    case 'w':
      return ranges("0-9A-Za-z_");
    case 'W':
      return ranges("\\W");
    case 's':
      return ranges(kSpace);
    case 'S':
      return ranges(kNotSpace);
    case 't':
      return character('\t');
    case 'n':
      return character('\n');
    case 'v':
      return character('\v');
    case 'f':
      return character('\f');
    case 'r':
      return character('\r');
    default:
      return std::nullopt;
  }
}

Escape read_rest(EcmaReader& reader, char32_t c) {
  switch (c) {
    case 'u':
      return read_unicode(reader);
    case 'c':
      return read_control(reader);
    case 'p':
    case 'P':
      return read_property(reader, c == 'P');
    case 'x': {
      const auto value = reader.hexadecimal(2, 2);
      return value ? character(*value) : problem("has an escape \\x without two digits");
    }
    case 'k':
      return problem("refers back to a group, which cannot be matched in linear time");
    default:
      return problem("has an escape that ECMA-262 does not know");
  }
}

}  // namespace

Escape read_escape(EcmaReader& reader, bool in_class) {
  const auto c = reader.next();
  if (!c) return problem("ends in a backslash");
  if (*c == 'b' || *c == 'B') {
    if (in_class) return *c == 'b' ? character('\b') : problem("has \\B in a class");
    return {std::nullopt, "", *c == 'b' ? "\\b" : "\\B", ""};
  }
  if (*c >= 0x80) return character(*c);
  const char ascii = static_cast<char>(*c);
  if (ascii == '0' && !is_digit(reader.peek())) return character(0);
  if (is_digit(ascii)) return problem("refers back to a group, which cannot be matched in linear time");
  if (const auto known = read_shorthand(ascii)) return *known;
  return is_letter(ascii) ? read_rest(reader, *c) : character(*c);
}

}  // namespace slipway::json_schema

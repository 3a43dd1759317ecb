#include "api/json_schema/ecma_pattern.h"

#include <array>
#include <cstdio>

namespace slipway::json_schema {
namespace {

constexpr std::string_view kAnyButLineEnds = R"([^\n\r\x{2028}\x{2029}])";

// Groups never capture: nothing here can refer to them.
std::string read_group(EcmaReader& reader, std::string& problem) {
  if (!reader.skip("?") || reader.skip(":")) return "(?:";
  if (reader.skip("=") || reader.skip("!") || reader.skip("<=") || reader.skip("<!")) {
    problem = "looks ahead or behind, which cannot be matched in linear time";
  } else if (!reader.skip("<") || !reader.until('>')) {
    problem = "has a kind of group that is not known here";
  }
  return "(?:";
}

std::string read_brace(EcmaReader& reader) {
  const auto repeat = reader.counted_repeat();
  if (repeat) return std::string(*repeat);
  reader.skip("{");
  return "\\{";
}

std::string read_outside_class(EcmaReader& reader, std::string& problem) {
  if (reader.peek() == '{') return read_brace(reader);
  if (reader.skip("^")) return "\\A";
  if (reader.skip("$")) return "\\z";
  if (reader.skip(".")) return std::string(kAnyButLineEnds);
  if (reader.skip("(")) return read_group(reader, problem);
  if (reader.skip("[")) {
    auto inner = read_class(reader);
    problem = inner.problem;
    return inner.text;
  }
  if (reader.skip("\\")) {
    auto escape = read_escape(reader, false);
    problem = escape.problem;
    if (!escape.boundary.empty()) return escape.boundary;
    return escape.character ? literal(*escape.character) : "[" + escape.ranges + "]";
  }
  const auto character = reader.next();
  if (!character) problem = "is not valid UTF-8";
  const bool is_operator =
      character && std::u32string_view(U"|)*+?").find(*character) != std::u32string_view::npos;
  return is_operator ? std::string(1, static_cast<char>(*character)) : literal(character.value_or(0));
}

}  // namespace

std::string literal(char32_t character) {
  const bool plain = (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
                     (character >= '0' && character <= '9');
  if (plain) return {static_cast<char>(character)};
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "\\x{%x}", static_cast<unsigned>(character));
  return text.data();
}

Translated translate_ecma(std::string_view ecma) {
  Translated made;
  EcmaReader reader(ecma);
  while (!reader.done() && made.problem.empty()) made.text += read_outside_class(reader, made.problem);
  return made;
}

}  // namespace slipway::json_schema

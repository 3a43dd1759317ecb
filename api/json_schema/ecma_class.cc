#include "api/json_schema/ecma_pattern.h"

namespace slipway::json_schema {
namespace {

/// One member of a class: a character, which may begin a range, or a class within the class.
struct Member {
  std::optional<char32_t> character;
  std::string ranges;
  std::string problem;
};

Member read_member(EcmaReader& reader) {
  if (reader.skip("\\")) {
    auto escape = read_escape(reader, true);
    return {escape.character, std::move(escape.ranges), std::move(escape.problem)};
  }
  const auto character = reader.next();
  if (!character) return {std::nullopt, "", "has a bracket that is not closed"};
  return {character, "", ""};
}

std::string show(const Member& member) {
  return member.character ? literal(*member.character) : member.ranges;
}

// A '-' makes a range only between two characters; otherwise it is itself.
std::string read_item(EcmaReader& reader, std::string& problem) {
  const auto first = read_member(reader);
  problem = first.problem;
  if (!problem.empty() || reader.peek() != '-' || reader.peek(1) == ']' || !first.character)
    return show(first);
  reader.skip("-");
  const auto last = read_member(reader);
  problem = last.problem;
  if (!last.character) return show(first) + literal('-') + show(last);
  if (*last.character < *first.character) problem = "has a range from high to low";
  return show(first) + "-" + show(last);
}

}  // namespace

Translated read_class(EcmaReader& reader) {
  Translated made;
  const bool negated = reader.skip("^");
  while (made.problem.empty() && !reader.skip("]")) {
    if (reader.done()) {
      made.problem = "has a bracket that is not closed";
    } else {
      made.text += read_item(reader, made.problem);
    }
  }
  // An empty class, which RE2 cannot write: nothing, or everything.
  if (made.text.empty())
    made.text = negated ? R"([\x{0}-\x{10ffff}])" : R"([^\x{0}-\x{10ffff}])";
  else
    made.text = (negated ? "[^" : "[") + made.text + "]";
  return made;
}

}  // namespace slipway::json_schema

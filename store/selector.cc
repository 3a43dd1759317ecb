#include "store/selector.h"

#include "api/fields.h"

namespace slipway::store {
namespace {

using Op = LabelTerm::Op;

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Commas within parentheses stand between values, not between terms.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool is_key(const std::string& text) {
  return !text.empty() && text.find_first_of(" =!()\"'") == std::string::npos;
}

// "key in (a, b)" and "key notin (a, b)".
bool read_set(const std::string& text, LabelTerm& term) {
  const auto open = text.find('(');
  if (open == std::string::npos || !text.ends_with(')')) return false;
  const auto head = trimmed(text.substr(0, open));
  const auto blank = head.rfind(' ');
  if (blank == std::string::npos) return false;
  const auto word = head.substr(blank + 1);
  if (word != "in" && word != "notin") return false;
  term.op = word == "in" ? Op::In : Op::NotIn;
  term.key = trimmed(head.substr(0, blank));
  for (const auto& value : split(text.substr(open + 1, text.size() - open - 2)))
    term.values.push_back(trimmed(value));
  return true;
}

bool read_equality(const std::string& text, LabelTerm& term) {
  const auto sign = text.find('=');
  if (sign == std::string::npos) return false;
  const bool differs = sign > 0 && text[sign - 1] == '!';
  const bool doubled = text.find("==", sign) == sign;
  term.op = differs ? Op::NotIn : Op::In;
  term.key = trimmed(text.substr(0, differs ? sign - 1 : sign));
  term.values = {trimmed(text.substr(sign + (doubled ? 2 : 1)))};
  return true;
}

bool read_presence(const std::string& text, LabelTerm& term) {
  term.op = text.starts_with('!') ? Op::Absent : Op::Exists;
  term.key = trimmed(text.starts_with('!') ? text.substr(1) : text);
  return true;
}

}  // namespace

Result<std::vector<LabelTerm>> parse_selector(const std::string& text) {
  std::vector<LabelTerm> terms;
  for (const auto& part : split(text)) {
    LabelTerm term;
    const auto one = trimmed(part);
    const bool read = read_set(one, term) || read_equality(one, term) || read_presence(one, term);
    if (!read || !is_key(term.key)) {
      return Error{ErrorClass::Invalid,
                   "expected terms such as team=quant, tier!=dev, zone in (a,b), key or !key, got " +
                       describe(nlohmann::json(one))};
    }
    terms.push_back(std::move(term));
  }
  return terms;
}

}  // namespace slipway::store

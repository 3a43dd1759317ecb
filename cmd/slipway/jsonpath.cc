#include "cmd/slipway/jsonpath.h"

#include <charconv>

#include "api/fields.h"

namespace slipway::cli {

using nlohmann::json;

namespace {

Error wrong(const std::string& text, const std::string& why) {
  return {ErrorClass::Invalid, "jsonpath " + describe(json(text)) + ": " + why};
}

bool ends_field(char c) { return c == '.' || c == '[' || c == ']' || c == '{' || c == '}' || c == ' '; }

/// Reads one path from the front to the back.
class PathParser {
 public:
  explicit PathParser(const std::string& text) : text_(text) {}

  Result<Path> parse() {
    if (peek() == '$' || peek() == '@') ++at_;
    while (at_ < text_.size()) {
      const auto error = text_[at_] == '[' ? bracket() : text_[at_] == '.' ? dot() : unknown();
      if (!error.empty()) return wrong(text_, error);
    }
    return path_;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  std::string unknown() const {
    return "expected . or [ at " + describe(json(text_.substr(at_))) + ", as in .status.reason";
  }

  std::string dot() {
    ++at_;
    if (peek() == '.') return "recursive descent (..) is not supported";
    if (peek() == '[') return "";
    if (peek() == '*') return ++at_, add({PathStep::What::All, "", 0});
    std::string field;
    for (; at_ < text_.size() && !ends_field(text_[at_]); ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;  // \. is a dot of the name
      field += text_[at_];
    }
    // "." alone is the root.
    if (field.empty()) return path_.empty() && at_ == text_.size() ? "" : "expected a field's name after .";
    return add({PathStep::What::Field, field, 0});
  }

  std::string bracket() {
    const auto end = text_.find(']', at_);
    if (end == std::string::npos) return "[ is never closed";
    const auto inner = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    if (inner == "*") return add({PathStep::What::All, "", 0});
    if (inner.size() >= 2 && (inner.front() == '\'' || inner.front() == '"') && inner.back() == inner.front())
      return add({PathStep::What::Field, inner.substr(1, inner.size() - 2), 0});
    if (inner.starts_with('?')) return "filters ([?(…)]) are not supported";
    if (inner.find_first_of(":,") != std::string::npos)
      return "slices and unions ([1:2], [1,2]) are not supported";
    long index = 0;
    const auto [stop, code] = std::from_chars(inner.data(), inner.data() + inner.size(), index);
    if (code != std::errc() || stop != inner.data() + inner.size())
      return "expected a number, * or a quoted name in [], got " + describe(json(inner));
    return add({PathStep::What::Index, "", index});
  }

  std::string add(PathStep step) {
    path_.push_back(std::move(step));
    return "";
  }

  const std::string& text_;
  std::size_t at_ = 0;
  Path path_;
};

void take_step(const PathStep& step, const json& value, std::vector<const json*>& found) {
  switch (step.what) {
    case PathStep::What::Field:
      if (const auto at = value.is_object() ? value.find(step.field) : value.end(); at != value.end())
        found.push_back(&*at);
      return;
    case PathStep::What::Index: {
      if (!value.is_array()) return;
      const auto size = static_cast<long>(value.size());
      const auto index = step.index < 0 ? size + step.index : step.index;
      if (index >= 0 && index < size) found.push_back(&value[static_cast<std::size_t>(index)]);
      return;
    }
    case PathStep::What::All:
      if (!value.is_structured()) return;
      for (const auto& child : value) found.push_back(&child);
      return;
  }
}

}  // namespace

Result<Path> parse_path(const std::string& text) {
  std::string inner = text;
  if (text.starts_with('{') && text.ends_with('}')) inner = text.substr(1, text.size() - 2);
  if (inner.empty()) return wrong(text, "expected a path such as .status.reason");
  return PathParser(inner).parse();
}

std::vector<const json*> follow_path(const Path& path, const json& root) {
  std::vector<const json*> values = {&root};
  for (const auto& step : path) {
    std::vector<const json*> next;
    for (const auto* value : values) take_step(step, *value, next);
    values = std::move(next);
  }
  return values;
}

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace slipway::cli

// The template around the paths: text, {path}, {"text"}, {range path}…{end}.
#include <algorithm>

#include "api/fields.h"
#include "cmd/slipway/jsonpath.h"
#include "cmd/slipway/words.h"

namespace slipway::cli {

using nlohmann::json;

namespace {

Error wrong(const std::string& text, const std::string& why) {
  return {ErrorClass::Invalid, "jsonpath " + describe(json(text)) + ": " + why};
}

/// "a\tb\n" between quotes → its characters.
std::string unquoted(const std::string& quoted) {
  std::string out;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] != '\\' || i + 2 >= quoted.size()) {
      out += quoted[i];
      continue;
    }
    const char c = quoted[++i];
    out += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
  }
  return out;
}

// The brace that closes the one at `open`; those within quotes do not count.
std::size_t closing_brace(const std::string& text, std::size_t open) {
  char quote = '\0';
  for (auto i = open + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (quote != '\0') {
      if (text[i] == quote) quote = '\0';
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (text[i] == '}') {
      return i;
    }
  }
  return std::string::npos;
}

}  // namespace

class TemplateParser {
 public:
  explicit TemplateParser(const std::string& text) : text_(text) {}

  Result<JsonPath> parse() {
    JsonPath parsed;
    open_ = {&parsed.nodes_};
    while (at_ < text_.size()) {
      if (text_[at_] != '{') {
        const auto end = std::min(text_.find('{', at_), text_.size());
        open_.back()->push_back({JsonPath::Node::What::Text, text_.substr(at_, end - at_), {}, {}});
        at_ = end;
        continue;
      }
      const auto end = closing_brace(text_, at_);
      if (end == std::string::npos) return wrong(text_, "{ is never closed");
      if (const auto error = action(trimmed(text_.substr(at_ + 1, end - at_ - 1)))) return *error;
      at_ = end + 1;
    }
    if (open_.size() > 1) return wrong(text_, "{range} without its {end}");
    return parsed;
  }

 private:
  using Node = JsonPath::Node;

  std::optional<Error> action(const std::string& inner) {
    if (inner == "end") {
      if (open_.size() == 1) return wrong(text_, "{end} without its {range}");
      open_.pop_back();
      return std::nullopt;
    }
    if (inner.size() >= 2 && (inner.front() == '"' || inner.front() == '\'') &&
        inner.back() == inner.front()) {
      open_.back()->push_back({Node::What::Text, unquoted(inner), {}, {}});
      return std::nullopt;
    }
    const bool range = inner.starts_with("range ");
    auto path = parse_path(range ? trimmed(inner.substr(6)) : inner);
    if (!path) return path.error();
    open_.back()->push_back({range ? Node::What::Range : Node::What::Path, "", std::move(*path), {}});
    // Deeper nodes are added before anything else is added beside it, so the pointer stays good.
    if (range) open_.push_back(&open_.back()->back().body);
    return std::nullopt;
  }

  const std::string& text_;
  std::size_t at_ = 0;
  std::vector<std::vector<Node>*> open_;  // the list being filled, innermost last
};

Result<JsonPath> JsonPath::parse(const std::string& text) {
  const bool bare = text.find('{') == std::string::npos && (text.starts_with('.') || text.starts_with('$'));
  const auto whole = bare ? "{" + text + "}" : text;
  return TemplateParser(whole).parse();
}

std::string JsonPath::render(const json& root) const {
  std::string out;
  render(nodes_, root, out);
  return out;
}

bool JsonPath::shows_payload(const std::vector<Node>& nodes) {
  const auto whole = [](const PathStep& step) {
    return step.what != PathStep::What::Field || step.field == "items" || step.field == "spec" ||
           step.field == "status";
  };
  const auto payload = [](const PathStep& step) { return step.field == "input" || step.field == "output"; };
  return std::ranges::any_of(nodes, [&](const Node& node) {
    switch (node.what) {
      case Node::What::Text:
        return false;
      case Node::What::Path:
        return node.path.empty() || whole(node.path.back()) || std::ranges::any_of(node.path, payload);
      case Node::What::Range:
        return std::ranges::any_of(node.path, payload) || shows_payload(node.body);
    }
    return false;
  });
}

void JsonPath::render(const std::vector<Node>& nodes, const json& root, std::string& out) {
  for (const auto& node : nodes) {
    switch (node.what) {
      case Node::What::Text:
        out += node.text;
        break;
      case Node::What::Path: {
        const char* between = "";
        for (const auto* value : follow_path(node.path, root)) {
          out += between + text_of(*value);
          between = " ";
        }
        break;
      }
      case Node::What::Range:
        for (const auto* value : follow_path(node.path, root)) render(node.body, *value, out);
        break;
    }
  }
}

}  // namespace slipway::cli

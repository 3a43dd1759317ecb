#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/result.h"

namespace slipway::cli {

/// One step of a path: a field, an element, or everything beneath.
struct PathStep {
  enum class What { Field, Index, All };
  What what = What::Field;
  std::string field;
  long index = 0;  ///< negative: from the end
};
using Path = std::vector<PathStep>;

/// ".status.reason", "{.status.reason}", "$.items[0]['a.b'][*]". Invalid: what is outside of this, by name.
Result<Path> parse_path(const std::string& text);
/// What the path leads to; nothing where it leads nowhere.
std::vector<const nlohmann::json*> follow_path(const Path& path, const nlohmann::json& root);
/// Text as it is, everything else as compact JSON.
std::string text_of(const nlohmann::json& value);

/// A template as `-o jsonpath=` takes it: text, {paths}, {"quoted text"}, {range path}…{end}. A template
/// without a brace that begins with . or $ is one path.
class JsonPath {
 public:
  static Result<JsonPath> parse(const std::string& text);
  std::string render(const nlohmann::json& root) const;
  /// Whether what it prints may hold the input or output of an execution.
  bool shows_payload() const { return shows_payload(nodes_); }

 private:
  struct Node {
    enum class What { Text, Path, Range };
    What what = What::Text;
    std::string text;
    Path path;
    std::vector<Node> body;  // of a range
  };
  static void render(const std::vector<Node>& nodes, const nlohmann::json& root, std::string& out);
  static bool shows_payload(const std::vector<Node>& nodes);
  friend class TemplateParser;

  std::vector<Node> nodes_;
};

}  // namespace slipway::cli

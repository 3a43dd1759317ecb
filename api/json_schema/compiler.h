#pragma once

#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/json_schema/json_schema.h"
#include "api/json_schema/rules.h"

namespace slipway::json_schema {

/// One compilation. Every schema object becomes a node when it is first met: by its place under a keyword,
/// or, under a keyword nobody knows, when a reference leads there.
class Compiler {
 public:
  explicit Compiler(const Documents& documents) : documents_(documents) {}
  Compiled run(const nlohmann::json& schema);

  /// The rest is for `Reader`.

  /// The node of a schema; `token` leads to it from `parent`.
  NodeId node(const nlohmann::json& schema, NodeId parent, std::string token, ResourceId resource);
  ResourceId add_resource(Resource resource, const nlohmann::json& root, NodeId at);
  Resource& resource(ResourceId id) { return schema_->resources[id]; }
  PatternId pattern(const std::string& written, NodeId node, const std::string& keyword);
  /// `keyword` of the node will point to where `written` leads; resolved when everything was read.
  void refer(NodeId node, std::size_t rule, const std::string& keyword, std::string written);
  void fail(NodeId node, const std::string& keyword, std::string message);
  /// What `$schema` names, or nothing (reported).
  std::optional<Dialect> dialect(const nlohmann::json& schema, NodeId node, Dialect fallback);

 private:
  struct Pending {
    NodeId node;
    std::size_t rule;
    std::string keyword;
    std::string written;
  };
  struct PatternUse {
    std::string written;
    NodeId node;
    std::string keyword;
  };

  void check_size(const nlohmann::json& schema);
  NodeId read_document(const nlohmann::json& document, Resource resource);
  void read_node(const nlohmann::json& schema, NodeId id);
  void resolve_references();
  void resolve_one(const Pending& pending);
  std::optional<ResourceId> find_resource(const std::string& uri, const Pending& pending);
  bool load(const std::string& uri, const Pending& pending);
  std::optional<NodeId> find_fragment(ResourceId in, const std::string& fragment, const Pending& pending);
  std::optional<NodeId> walk(ResourceId in, const std::string& pointer, const Pending& pending);
  void point(const Pending& pending, NodeId target, const std::string& fragment);
  std::optional<Dialect> custom_dialect(const std::string& uri) const;
  void compile_patterns();

  const Documents& documents_;
  std::shared_ptr<Schema> schema_ = std::make_shared<Schema>();
  std::vector<Problem> problems_;
  std::unordered_map<const nlohmann::json*, NodeId> by_place_;
  std::map<std::string, ResourceId> by_uri_;
  std::vector<const nlohmann::json*> roots_;  ///< of each resource
  std::deque<nlohmann::json> loaded_;         ///< metaschemas that a reference asked for
  std::deque<Pending> pending_;
  std::map<std::string, PatternId> pattern_ids_;
  std::vector<PatternUse> pattern_uses_;
  bool too_many_ = false;
};

}  // namespace slipway::json_schema

#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/json_schema/compiler.h"

namespace slipway::json_schema {

/// Reads one schema object into its node. Keywords that the dialect does not have are ignored, as it asks; a
/// known one with a value of the wrong type is a problem.
class Reader {
 public:
  Reader(Compiler& compiler, const nlohmann::json& object, NodeId node, ResourceId resource);
  std::vector<Rule> read();
  /// Where the object belongs, known once it was read: an `$id` begins a new resource.
  ResourceId resource() const { return resource_; }

 private:
  // identity.cc
  void read_identity();
  void read_id(const std::string& id);
  void read_anchor(const char* keyword, bool dynamic);
  void add_anchor(const std::string& name, const char* keyword, bool dynamic);
  void read_references();
  void read_definitions();
  // read_values.cc
  void read_types();
  void read_values();
  void read_bounds();
  void read_text();
  void read_count(const char* keyword, Counted counted, bool at_least);
  // read_collections.cc
  void read_items();
  void read_items_of_draft7();
  void read_contains();
  void read_properties();
  void read_required();
  void read_dependencies();
  void read_dependency(const std::string& name, const nlohmann::json& value, const char* keyword);
  // read_logic.cc
  void read_logic();
  void read_if();
  void read_unevaluated();

  bool draft7() const { return dialect_.draft == Draft::Draft7; }
  const nlohmann::json* find(const char* keyword) const;
  const std::string* text(const char* keyword);
  const nlohmann::json* object(const char* keyword);
  std::optional<std::uint64_t> count(const char* keyword);
  std::optional<NodeId> schema(const char* keyword);
  std::vector<NodeId> schemas(const char* keyword);
  std::vector<std::string> names(const nlohmann::json& list, const char* keyword);
  NodeId child(const nlohmann::json& value, std::string token);
  void fail(const std::string& keyword, std::string message);
  template <class Added>
  void add(Added rule) {
    rules_.emplace_back(std::move(rule));
  }

  Compiler& compiler_;
  const nlohmann::json& object_;
  NodeId node_;
  ResourceId resource_;
  Dialect dialect_;
  std::vector<Rule> rules_;
};

}  // namespace slipway::json_schema

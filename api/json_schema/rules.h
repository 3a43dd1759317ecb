#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "api/json_schema/number.h"
#include "api/json_schema/pattern.h"

// A compiled schema: every schema object is a Node, every keyword of it a Rule. Nodes name each other by
// index, so that schemas which refer to themselves need no ownership in circles.
namespace slipway::json_schema {

class Schema;

using NodeId = std::uint32_t;
using ResourceId = std::uint32_t;
using PatternId = std::uint32_t;

enum TypeBit : std::uint8_t {
  kNull = 1,
  kBoolean = 2,
  kInteger = 4,
  kNumber = 8,
  kString = 16,
  kArray = 32,
  kObject = 64
};

struct TypeRule {
  std::uint8_t bits = 0;
};
struct OneOfValuesRule {  ///< enum and const
  std::vector<nlohmann::json> values;
  std::unordered_multimap<std::size_t, std::size_t> by_hash;
  bool is_const = false;
};

enum class Bound { Minimum, Maximum, ExclusiveMinimum, ExclusiveMaximum };
struct BoundRule {
  Bound bound = Bound::Minimum;
  nlohmann::json limit;
};
struct MultipleRule {
  Decimal step;
  nlohmann::json written;
};

enum class Counted { Characters, Items, Properties };
struct CountRule {
  Counted counted = Counted::Items;
  bool at_least = false;
  std::uint64_t limit = 0;
};
struct PatternRule {
  PatternId pattern = 0;
};

struct ItemsRule {  ///< prefixItems with items; in draft 7 items with additionalItems
  std::vector<NodeId> prefix;
  std::optional<NodeId> rest;
};
struct ContainsRule {
  NodeId schema = 0;
  std::uint64_t least = 1;
  std::optional<std::uint64_t> most;
  bool evaluates = false;  ///< in 2020-12 a contained item counts as evaluated
};
struct UniqueRule {};
struct UnevaluatedItemsRule {
  NodeId schema = 0;
};

struct RequiredRule {
  std::vector<std::string> names;
};
struct PropertiesRule {
  std::map<std::string, NodeId, std::less<>> named;
  std::vector<std::pair<PatternId, NodeId>> patterned;
  std::optional<NodeId> additional;
};
struct NamesRule {
  NodeId schema = 0;
};
struct DependentRule {  ///< if `name` is there, so must be `required`, and `schema` holds
  std::string name;
  std::vector<std::string> required;
  std::optional<NodeId> schema;
  const char* keyword = "dependentRequired";
};
struct UnevaluatedPropertiesRule {
  NodeId schema = 0;
};

struct AllOfRule {
  std::vector<NodeId> schemas;
};
struct AnyOfRule {
  std::vector<NodeId> schemas;
};
struct OneOfRule {
  std::vector<NodeId> schemas;
};
struct NotRule {
  NodeId schema = 0;
};
struct IfRule {
  NodeId condition = 0;
  std::optional<NodeId> then, otherwise;
};

struct RefRule {
  NodeId target = 0;
};
struct DynamicRefRule {
  NodeId target = 0;
  std::string anchor;
};  ///< no anchor: as a RefRule

using Rule = std::variant<TypeRule, OneOfValuesRule, BoundRule, MultipleRule, CountRule, PatternRule,
                          ItemsRule, ContainsRule, UniqueRule, RequiredRule, PropertiesRule, NamesRule,
                          DependentRule, AllOfRule, AnyOfRule, OneOfRule, NotRule, IfRule, RefRule,
                          DynamicRefRule, UnevaluatedItemsRule, UnevaluatedPropertiesRule>;

struct Node {
  NodeId parent = 0;  ///< itself for the root of a document
  std::string token;  ///< from the parent: "/properties/a", escaped as in a JSON pointer
  ResourceId resource = 0;
  std::optional<bool> fixed;  ///< the schemas true and false
  bool needs_evaluated = false;
  std::vector<Rule> rules;
};

enum class Draft { Draft7, Draft202012 };

struct Dialect {
  Draft draft = Draft::Draft202012;
  bool asserts = true;  ///< false under a metaschema without the validation vocabulary
};

/// What has an `$id`, or is a whole document.
struct Resource {
  std::string uri;       ///< absolute, without a fragment
  std::string document;  ///< URI of the document it stands in; empty: the schema itself
  Dialect dialect;
  NodeId root = 0;
  std::map<std::string, NodeId, std::less<>> anchors;
  std::map<std::string, NodeId, std::less<>> dynamic_anchors;
};

class Schema {
 public:
  std::vector<Node> nodes;
  std::vector<Resource> resources;
  std::vector<Pattern> patterns;
  NodeId root = 0;

  /// Where a node stands, cut when it is very long; with the document in front if that is not the schema
  /// itself.
  std::string pointer(NodeId node) const;
};

}  // namespace slipway::json_schema

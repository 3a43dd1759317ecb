#include "api/json_schema/compiler.h"

#include <algorithm>

#include "api/json_schema/in_place.h"
#include "api/json_schema/limits.h"
#include "api/json_schema/reader.h"
#include "api/json_schema/sentences.h"
#include "api/json_schema/strict_json.h"
#include "api/json_schema/uri.h"
#include "api/json_schema/value.h"

namespace slipway::json_schema {

using nlohmann::json;

namespace {

std::string too_many_values() { return "holds more than " + plural(kMostSchemaValues, "value"); }

// Every value of valid JSON but the first follows a comma or the opening of what holds it. Cheaper than to
// parse.
std::size_t most_values(std::string_view text) {
  std::size_t count = 1;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (!quoted && (text[i] == ',' || text[i] == '[' || text[i] == '{'))
      ++count;
  }
  return count;
}

}  // namespace

Compiled Compiler::run(const json& schema) {
  check_size(schema);
  if (problems_.empty()) {
    const std::string uri(kNameless);
    schema_->root = read_document(schema, {uri, "", {}, 0, {}, {}});
    resolve_references();
    compile_patterns();
  }
  if (problems_.empty())
    if (const auto found = check_in_place(*schema_)) fail(found->node, "", found->message);
  if (!problems_.empty()) return {nullptr, std::move(problems_)};
  return {std::move(schema_), {}};
}

// Before anything walks the schema by recursion.
void Compiler::check_size(const json& schema) {
  const auto weight = weigh(schema, kMostSchemaDepth);
  if (weight.too_deep)
    problems_.push_back({"", "", "nested deeper than " + std::to_string(kMostSchemaDepth) + " levels"});
  else if (weight.nodes > kMostSchemaValues)
    problems_.push_back({"", "", too_many_values()});
  else if (weight.bytes + weight.nodes > kMostSchemaBytes)
    problems_.push_back({"", "", "larger than " + std::to_string(kMostSchemaBytes >> 10) + " KiB"});
}

NodeId Compiler::read_document(const json& document, Resource resource) {
  const auto id = static_cast<NodeId>(schema_->nodes.size());
  const auto at = add_resource(std::move(resource), document, id);
  if (const auto own = dialect(document, id, this->resource(at).dialect))
    this->resource(at).dialect = *own;
  else
    return id;
  return node(document, id, "", at);
}

NodeId Compiler::node(const json& schema, NodeId parent, std::string token, ResourceId resource) {
  if (too_many_) return 0;
  if (const auto known = by_place_.find(&schema); known != by_place_.end()) return known->second;
  const auto id = static_cast<NodeId>(schema_->nodes.size());
  if (id >= kMostSubschemas) {
    problems_.push_back({"", "", "holds more than " + plural(kMostSubschemas, "schema")});
    too_many_ = true;
    return 0;
  }
  Node made;
  made.parent = parent;
  made.token = std::move(token);
  made.resource = resource;
  schema_->nodes.push_back(std::move(made));
  by_place_.emplace(&schema, id);
  read_node(schema, id);
  return id;
}

void Compiler::read_node(const json& schema, NodeId id) {
  if (schema.is_boolean()) {
    schema_->nodes[id].fixed = schema.get<bool>();
  } else if (!schema.is_object()) {
    fail(id, "", "expected a schema (an object, true or false), got " + quote(schema));
  } else {
    Reader reader(*this, schema, id, schema_->nodes[id].resource);
    auto rules = reader.read();
    auto& node = schema_->nodes[id];  // only now: reading adds nodes
    node.resource = reader.resource();
    node.needs_evaluated =
        !rules.empty() && (std::holds_alternative<UnevaluatedItemsRule>(rules.back()) ||
                           std::holds_alternative<UnevaluatedPropertiesRule>(rules.back()));
    node.rules = std::move(rules);
  }
}

void Compiler::fail(NodeId node, const std::string& keyword, std::string message) {
  if (problems_.size() >= kMostProblems) return;
  const auto where = node < schema_->nodes.size() ? schema_->pointer(node) : std::string();
  problems_.push_back({"", join_pointer({where, keyword}), std::move(message)});
}

PatternId Compiler::pattern(const std::string& written, NodeId node, const std::string& keyword) {
  const auto [at, fresh] = pattern_ids_.emplace(written, static_cast<PatternId>(pattern_uses_.size()));
  if (fresh) pattern_uses_.push_back({written, node, keyword});
  return at->second;
}

void Compiler::compile_patterns() {
  const auto count = pattern_uses_.size();
  if (count > kMostPatterns)
    return fail(pattern_uses_.back().node, "", "holds more than " + plural(kMostPatterns, "pattern"));
  std::uint64_t instructions = 0;
  for (const auto& use : pattern_uses_) {
    const auto share = kPatternMemory / static_cast<std::int64_t>(count);
    auto made = Pattern::compile(use.written, std::clamp(share, kLeastPatternMemory, kMostPatternMemory));
    instructions += made.pattern.size();
    if (instructions > kMostInstructions) made.problem = "the patterns of this schema are too large together";
    if (!made.problem.empty()) fail(use.node, use.keyword, made.problem);
    // The next one might cost as much again.
    if (made.too_large || instructions > kMostInstructions) return;
    schema_->patterns.push_back(std::move(made.pattern));
  }
}

Compiled compile(const json& schema, const Documents& documents) { return Compiler(documents).run(schema); }

Compiled compile_text(std::string_view schema, const Documents& documents) {
  if (schema.size() > kMostSchemaBytes)
    return {nullptr, {{"", "", "larger than " + std::to_string(kMostSchemaBytes >> 10) + " KiB"}}};
  auto problem = check_strict_json(schema, kMostSchemaDepth);
  if (problem.empty() && most_values(schema) > kMostSchemaValues) problem = too_many_values();
  if (!problem.empty()) return {nullptr, {{"", "", std::move(problem)}}};
  return compile(json::parse(schema), documents);
}

}  // namespace slipway::json_schema

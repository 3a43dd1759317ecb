#include <charconv>

#include "api/json_schema/compiler.h"
#include "api/json_schema/limits.h"
#include "api/json_schema/metaschemas.h"
#include "api/json_schema/sentences.h"
#include "api/json_schema/uri.h"
#include "api/json_schema/value.h"

// Where a $ref leads. Reading what it leads to may add nodes with references of their own, until none is
// left.
namespace slipway::json_schema {

using nlohmann::json;

namespace {

std::string unescape(std::string_view token) {
  std::string key;
  for (std::size_t i = 0; i < token.size(); ++i) {
    const bool escaped =
        token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1');
    key += escaped ? (token[++i] == '0' ? '~' : '/') : token[i];
  }
  return key;
}

const json* step(const json& from, std::string_view token) {
  if (from.is_object()) {
    const auto found = from.find(unescape(token));
    return found == from.end() ? nullptr : &*found;
  }
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  const bool whole = error == std::errc() && end == token.data() + token.size();
  return from.is_array() && whole && index < from.size() ? &from[index] : nullptr;
}

}  // namespace

void Compiler::refer(NodeId node, std::size_t rule, const std::string& keyword, std::string written) {
  pending_.push_back({node, rule, keyword, std::move(written)});
}

ResourceId Compiler::add_resource(Resource resource, const json& root, NodeId at) {
  const auto id = static_cast<ResourceId>(schema_->resources.size());
  const auto [known, fresh] = by_uri_.emplace(resource.uri, id);
  if (!fresh) {
    fail(at, "/$id", "is used twice in this schema");
    return known->second;
  }
  resource.root = at;
  schema_->resources.push_back(std::move(resource));
  roots_.push_back(&root);
  return id;
}

void Compiler::resolve_references() {
  while (!pending_.empty() && problems_.size() < kMostProblems) {
    const auto next = std::move(pending_.front());
    pending_.pop_front();
    resolve_one(next);
  }
}

void Compiler::resolve_one(const Pending& pending) {
  const auto& base = resource(schema_->nodes[pending.node].resource).uri;
  const auto reference = resolve(base, pending.written);
  if (!reference) {
    fail(pending.node, "/" + pending.keyword,
         "expected a URI reference, got " + quote(std::string_view(pending.written)));
    return;
  }
  const auto in = find_resource(reference->document, pending);
  const auto target = in ? find_fragment(*in, reference->fragment, pending) : std::nullopt;
  if (target) point(pending, *target, reference->fragment);
}

std::optional<ResourceId> Compiler::find_resource(const std::string& uri, const Pending& pending) {
  if (by_uri_.contains(uri) || load(uri, pending)) return by_uri_.at(uri);
  return std::nullopt;
}

bool Compiler::load(const std::string& uri, const Pending& pending) {
  const auto given = documents_.find(uri);
  const json* document = given == documents_.end() ? nullptr : &given->second;
  if (const auto text = metaschema(uri); document == nullptr && !text.empty())
    document = &loaded_.emplace_back(json::parse(text));
  if (document == nullptr || weigh(*document, kMostSchemaDepth).too_deep) {
    fail(pending.node, "/" + pending.keyword,
         quote(std::string_view(pending.written)) +
             " leads outside this schema, and nothing is fetched; put it under $defs");
    return false;
  }
  const auto dialect = resource(schema_->nodes[pending.node].resource).dialect;
  read_document(*document, {uri, uri, dialect, 0, {}, {}});
  return true;
}

std::optional<NodeId> Compiler::find_fragment(ResourceId in, const std::string& fragment,
                                              const Pending& pending) {
  if (!by_place_.contains(roots_[in])) return std::nullopt;  // refused already
  if (fragment.empty()) return by_place_.at(roots_[in]);
  if (fragment.front() == '/') return walk(in, fragment, pending);
  const auto& resource = schema_->resources[in];
  if (const auto found = resource.anchors.find(fragment); found != resource.anchors.end())
    return found->second;
  fail(pending.node, "/" + pending.keyword,
       quote(std::string_view(pending.written)) + " leads to no $anchor");
  return std::nullopt;
}

std::optional<NodeId> Compiler::walk(ResourceId in, const std::string& pointer, const Pending& pending) {
  const json* at = roots_[in];
  auto nearest = by_place_.at(at);
  std::string rest;
  for (std::size_t begin = 1; at != nullptr && begin <= pointer.size();) {
    const auto end = std::min(pointer.find('/', begin), pointer.size());
    const auto token = std::string_view(pointer).substr(begin, end - begin);
    at = step(*at, token);
    rest += "/" + std::string(token);
    begin = end + 1;
    if (const auto known = by_place_.find(at); known != by_place_.end()) {
      nearest = known->second;
      rest.clear();
    }
  }
  if (at != nullptr && rest.empty()) return nearest;
  if (at != nullptr) return node(*at, nearest, rest, schema_->nodes[nearest].resource);
  fail(pending.node, "/" + pending.keyword, quote(std::string_view(pending.written)) + " leads to nothing");
  return std::nullopt;
}

void Compiler::point(const Pending& pending, NodeId target, const std::string& fragment) {
  auto& rule = schema_->nodes[pending.node].rules[pending.rule];
  if (auto* plain = std::get_if<RefRule>(&rule)) plain->target = target;
  auto* dynamic = std::get_if<DynamicRefRule>(&rule);
  if (dynamic == nullptr) return;
  dynamic->target = target;
  const auto& names = resource(schema_->nodes[target].resource).dynamic_anchors;
  if (const auto found = names.find(fragment); found != names.end() && found->second == target)
    dynamic->anchor = fragment;
}

}  // namespace slipway::json_schema

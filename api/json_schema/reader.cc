#include "api/json_schema/reader.h"

#include "api/json_schema/sentences.h"

namespace slipway::json_schema {

using nlohmann::json;

Reader::Reader(Compiler& compiler, const json& object, NodeId node, ResourceId resource)
    : compiler_(compiler),
      object_(object),
      node_(node),
      resource_(resource),
      dialect_(compiler.resource(resource).dialect) {}

std::vector<Rule> Reader::read() {
  read_identity();
  // In draft 7 a $ref hides what stands beside it, except as a place that references lead to.
  if (draft7() && find("$ref") != nullptr) {
    read_references();
    read_definitions();
  } else {
    if (dialect_.asserts) {
      read_types();
      read_values();
      read_bounds();
      read_text();
      read_required();
    }
    read_items();
    read_contains();
    read_properties();
    read_dependencies();
    read_logic();
    read_if();
    read_references();
    read_definitions();
    read_unevaluated();
  }
  return std::move(rules_);
}

const json* Reader::find(const char* keyword) const {
  const auto found = object_.find(keyword);
  return found == object_.end() ? nullptr : &*found;
}

const std::string* Reader::text(const char* keyword) {
  const auto* value = find(keyword);
  if (value == nullptr) return nullptr;
  if (value->is_string()) return &value->get_ref<const std::string&>();
  fail(keyword, "expected a string, got " + quote(*value));
  return nullptr;
}

const json* Reader::object(const char* keyword) {
  const auto* value = find(keyword);
  if (value == nullptr || value->is_object()) return value;
  fail(keyword, "expected an object, got " + quote(*value));
  return nullptr;
}

std::optional<std::uint64_t> Reader::count(const char* keyword) {
  const auto* value = find(keyword);
  if (value == nullptr) return std::nullopt;
  const auto number = count_of(*value);
  if (!number) fail(keyword, "expected a whole number of 0 or more, got " + quote(*value));
  return number;
}

std::optional<NodeId> Reader::schema(const char* keyword) {
  const auto* value = find(keyword);
  if (value == nullptr) return std::nullopt;
  return child(*value, pointer_token(keyword));
}

std::vector<NodeId> Reader::schemas(const char* keyword) {
  std::vector<NodeId> found;
  const auto* value = find(keyword);
  if (value == nullptr) return found;
  if (!value->is_array() || value->empty()) {
    fail(keyword, "expected a list of at least one schema, got " + quote(*value));
    return found;
  }
  for (std::size_t i = 0; i < value->size(); ++i)
    found.push_back(child((*value)[i], pointer_token(keyword) + "/" + std::to_string(i)));
  return found;
}

std::vector<std::string> Reader::names(const json& list, const char* keyword) {
  std::vector<std::string> found;
  if (!list.is_array()) fail(keyword, "expected a list of property names, got " + quote(list));
  for (std::size_t i = 0; list.is_array() && i < list.size(); ++i) {
    if (list[i].is_string())
      found.push_back(list[i].get<std::string>());
    else
      fail(keyword, "expected property names, got " + quote(list[i]));
  }
  return found;
}

NodeId Reader::child(const json& value, std::string token) {
  return compiler_.node(value, node_, std::move(token), resource_);
}

void Reader::fail(const std::string& keyword, std::string message) {
  compiler_.fail(node_, pointer_token(keyword), std::move(message));
}

}  // namespace slipway::json_schema

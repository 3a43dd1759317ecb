#include "api/json_schema/reader.h"
#include "api/json_schema/sentences.h"

namespace slipway::json_schema {

using nlohmann::json;

void Reader::read_items() {
  if (draft7()) return read_items_of_draft7();
  ItemsRule rule;
  rule.prefix = schemas("prefixItems");
  const auto* items = find("items");
  if (items != nullptr && items->is_array())
    fail("items", "expected one schema; a list of schemas is called prefixItems in 2020-12");
  else
    rule.rest = schema("items");
  if (!rule.prefix.empty() || rule.rest) add(std::move(rule));
}

void Reader::read_items_of_draft7() {
  const auto* items = find("items");
  ItemsRule rule;
  if (items != nullptr && !items->is_array()) {
    rule.rest = schema("items");
    schema("additionalItems");  // without meaning here, but still a schema
  } else {
    for (std::size_t i = 0; items != nullptr && i < items->size(); ++i)
      rule.prefix.push_back(child((*items)[i], "/items/" + std::to_string(i)));
    const auto rest = schema("additionalItems");
    if (items != nullptr) rule.rest = rest;
  }
  if (!rule.prefix.empty() || rule.rest) add(std::move(rule));
}

void Reader::read_contains() {
  const auto contained = schema("contains");
  ContainsRule rule;
  if (!draft7() && dialect_.asserts) {
    rule.least = count("minContains").value_or(1);
    rule.most = count("maxContains");
  }
  if (!contained) return;
  rule.schema = *contained;
  rule.evaluates = !draft7();
  add(rule);
}

void Reader::read_properties() {
  PropertiesRule rule;
  if (const auto* properties = object("properties"))
    for (const auto& [name, value] : properties->items())
      rule.named.emplace(name, child(value, "/properties" + pointer_token(name)));
  if (const auto* patterns = object("patternProperties"))
    for (const auto& [pattern, value] : patterns->items()) {
      const auto token = "/patternProperties" + pointer_token(pattern);
      rule.patterned.emplace_back(compiler_.pattern(pattern, node_, token), child(value, token));
    }
  rule.additional = schema("additionalProperties");
  if (!rule.named.empty() || !rule.patterned.empty() || rule.additional) add(std::move(rule));
  if (const auto naming = schema("propertyNames")) add(NamesRule{*naming});
}

void Reader::read_required() {
  const auto* list = find("required");
  if (list != nullptr) add(RequiredRule{names(*list, "required")});
  const auto* dependents = draft7() ? nullptr : object("dependentRequired");
  if (dependents == nullptr) return;
  for (const auto& [name, value] : dependents->items())
    add(DependentRule{name, names(value, "dependentRequired"), std::nullopt, "dependentRequired"});
}

void Reader::read_dependencies() {
  const char* keyword = draft7() ? "dependencies" : "dependentSchemas";
  const auto* dependencies = object(keyword);
  if (dependencies == nullptr) return;
  for (const auto& [name, value] : dependencies->items()) read_dependency(name, value, keyword);
}

void Reader::read_dependency(const std::string& name, const json& value, const char* keyword) {
  if (draft7() && value.is_array())
    return add(DependentRule{name, names(value, keyword), std::nullopt, keyword});
  add(DependentRule{name, {}, child(value, pointer_token(keyword) + pointer_token(name)), keyword});
}

}  // namespace slipway::json_schema

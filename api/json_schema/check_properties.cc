#include <algorithm>

#include "api/json_schema/run.h"
#include "api/json_schema/sentences.h"

namespace slipway::json_schema {

using nlohmann::json;

bool Run::check_names(const std::vector<std::string>& names, const json& value, const char* keyword,
                      const std::string& because) {
  if (!spend(names.size())) return false;
  bool ok = true;
  for (const auto& name : names) {
    if (value.contains(name)) continue;
    ok = fail(keyword,
              [&] { return "the property " + quote(std::string_view(name)) + " is required" + because; });
    if (settled(ok)) break;
  }
  return ok;
}

bool Run::check(const RequiredRule& rule, const json& value, Evaluated*) {
  return !value.is_object() || check_names(rule.names, value, "required", "");
}

bool Run::check(const PropertiesRule& rule, const json& value, Evaluated* seen) {
  if (!value.is_object()) return true;
  bool ok = true;
  for (auto it = value.begin(); it != value.end() && !settled(ok); ++it) {
    const Inside inside(*this, it.key());
    if (!check_property(rule, it.key(), *it, seen)) ok = false;
  }
  return ok;
}

bool Run::check_property(const PropertiesRule& rule, const std::string& name, const json& value,
                         Evaluated* seen) {
  if (!spend(1)) return false;
  const auto named = rule.named.find(name);
  bool known = named != rule.named.end();
  bool ok = !known || apply(named->second, value, nullptr);
  for (const auto& [pattern, schema] : rule.patterned) {
    if (settled(ok)) return false;
    if (!matches(pattern, name)) continue;
    known = true;
    if (!apply(schema, value, nullptr)) ok = false;
  }
  if (!known && rule.additional) {
    known = true;
    if (!apply(*rule.additional, value, nullptr)) ok = false;
  }
  if (known && seen != nullptr) seen->places.push_back(&value);
  return ok && !gave_up_;
}

bool Run::check(const NamesRule& rule, const json& value, Evaluated*) {
  if (!value.is_object()) return true;
  bool ok = true;
  for (auto it = value.begin(); it != value.end() && !settled(ok); ++it) {
    const Inside inside(*this, it.key());
    if (!apply(rule.schema, json(it.key()), nullptr)) ok = false;
  }
  return ok;
}

bool Run::check(const DependentRule& rule, const json& value, Evaluated* seen) {
  if (!value.is_object() || !value.contains(rule.name)) return true;
  if (rule.schema) return apply(*rule.schema, value, seen);
  return check_names(rule.required, value, rule.keyword,
                     " where " + quote(std::string_view(rule.name)) + " is given");
}

bool Run::check(const UnevaluatedPropertiesRule& rule, const json& value, Evaluated* seen) {
  if (!value.is_object() || seen->everything) return true;
  if (!spend(seen->places.size() / 8)) return false;
  std::ranges::sort(seen->places);
  bool ok = true;
  for (auto it = value.begin(); it != value.end() && !settled(ok); ++it) {
    if (std::ranges::binary_search(seen->places, &*it)) continue;
    const Inside inside(*this, it.key());
    if (!apply(rule.schema, *it, nullptr)) ok = false;
  }
  seen->everything = true;
  return ok;
}

}  // namespace slipway::json_schema

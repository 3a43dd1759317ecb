#include <algorithm>

#include "api/json_schema/run.h"
#include "api/json_schema/sentences.h"

namespace slipway::json_schema {

using nlohmann::json;

bool Run::check(const AllOfRule& rule, const json& value, Evaluated* seen) {
  bool ok = true;
  for (const auto schema : rule.schemas) {
    if (settled(ok)) break;
    if (!apply(schema, value, seen)) ok = false;
  }
  return ok;
}

bool Run::check(const AnyOfRule& rule, const json& value, Evaluated* seen) {
  bool ok = false;
  for (const auto schema : rule.schemas) {
    // Every alternative that fits evaluates something, so that whoever asks has to hear of all.
    if (gave_up_ || (ok && seen == nullptr)) break;
    if (try_apply(schema, value, seen)) ok = true;
  }
  if (ok) return true;
  return fail("anyOf", [&] {
    return "expected a value that fits at least one of " + plural(rule.schemas.size(), "alternative") +
           ", got " + quote(value);
  });
}

bool Run::check(const OneOfRule& rule, const json& value, Evaluated* seen) {
  std::size_t fitting = 0;
  for (const auto schema : rule.schemas) {
    if (gave_up_ || fitting > 1) break;
    if (try_apply(schema, value, seen)) ++fitting;
  }
  if (fitting == 1) return !gave_up_;
  return fail("oneOf", [&] {
    return "expected a value that fits exactly one of " + plural(rule.schemas.size(), "alternative") +
           (fitting == 0 ? ", but it fits none" : ", but it fits more than one");
  });
}

bool Run::check(const NotRule& rule, const json& value, Evaluated*) {
  if (!try_apply(rule.schema, value, nullptr)) return !gave_up_;
  return fail("not", [&] { return "expected a value of another kind than " + quote(value); });
}

bool Run::check(const IfRule& rule, const json& value, Evaluated* seen) {
  const auto& branch = try_apply(rule.condition, value, seen) ? rule.then : rule.otherwise;
  return !gave_up_ && (!branch || apply(*branch, value, seen));
}

bool Run::check(const RefRule& rule, const json& value, Evaluated* seen) {
  return apply(rule.target, value, seen);
}

// The outermost resource on the way here that has a dynamic anchor of this name decides.
bool Run::check(const DynamicRefRule& rule, const json& value, Evaluated* seen) {
  if (rule.anchor.empty()) return apply(rule.target, value, seen);
  for (const auto resource : scope_) {
    if (!spend(1)) return false;
    const auto& anchors = schema_.resources[resource].dynamic_anchors;
    if (const auto found = anchors.find(rule.anchor); found != anchors.end())
      return apply(found->second, value, seen);
  }
  return apply(rule.target, value, seen);
}

}  // namespace slipway::json_schema

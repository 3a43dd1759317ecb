// The way back: objects as documents.
#include <array>

#include "api/kinds.h"
#include "api/quantity.h"
#include "api/timestamp.h"

namespace slipway {

using nlohmann::json;

namespace {

template <class T>
void put(json& spec, const char* key, const std::optional<T>& value) {
  if (value) spec[key] = *value;
}

void put(json& spec, const char* key, const std::optional<TimePoint>& value) {
  if (value) spec[key] = format_timestamp(*value);
}

void put(json& spec, const char* key, const std::optional<std::chrono::seconds>& value) {
  if (value) spec[key] = format_duration(*value);
}

json spec_json(const AgentSpec& spec) { return to_json(spec); }

json spec_json(const EntitlementSpec& entitlement) {
  json spec = {{"user", entitlement.user}, {"agent", entitlement.agent}};
  put(spec, "uses", entitlement.uses);
  put(spec, "expires", entitlement.expires);
  return spec;
}

json spec_json(const QuotaSpec& quota) {
  json spec = {{"user", quota.user}};
  put(spec, "perMinute", quota.per_minute);
  put(spec, "maxRunning", quota.max_running);
  put(spec, "maxQueued", quota.max_queued);
  put(spec, "maxPriority", quota.max_priority);
  return spec;
}

json spec_json(const ExecutionSpec& execution) {
  json spec = {{"user", execution.user}, {"agent", execution.agent}};
  spec["input"] = json::parse(execution.input, nullptr, false);
  put(spec, "entitlement", execution.entitlement);
  put(spec, "priority", execution.priority);
  put(spec, "timeout", execution.timeout);
  put(spec, "notBefore", execution.not_before);
  put(spec, "startDeadline", execution.start_deadline);
  put(spec, "retryLimit", execution.retry_limit);
  put(spec, "ttlAfterFinished", execution.ttl_after_finished);
  if (!execution.traceparent.empty()) spec["traceparent"] = execution.traceparent;
  if (execution.cancel) spec["cancel"] = true;
  return spec;
}

}  // namespace

json to_json(const Object& object) {
  json metadata = json::object();
  if (!object.name.empty()) metadata["name"] = object.name;
  if (!object.generate_name.empty()) metadata["generateName"] = object.generate_name;
  if (!object.labels.empty()) metadata["labels"] = object.labels;
  return {{"apiVersion", kApiVersion},
          {"kind", to_string(object.kind())},
          {"metadata", std::move(metadata)},
          {"spec", std::visit([](const auto& spec) { return spec_json(spec); }, object.spec)}};
}

std::string differing_field(const ExecutionSpec& request, const json& document) {
  const auto stands = [&](const char* field) {
    const auto spec = document.value("spec", json::object());
    return spec.contains(field) ? spec[field] : json();
  };
  if (stands("agent") != request.agent) return "spec.agent";
  // As values: the spelling of the same JSON may differ.
  if (stands("input") != json::parse(request.input, nullptr, false)) return "spec.input";
  return "";
}

}  // namespace slipway

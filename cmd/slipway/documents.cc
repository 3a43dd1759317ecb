#include "cmd/slipway/documents.h"

#include "api/quantity.h"
#include "api/timestamp.h"

namespace slipway::cli {

using nlohmann::json;

namespace {

template <class T>
void set(json& spec, const char* field, const std::optional<T>& value) {
  if (value) spec[field] = *value;
}
void set(json& spec, const char* field, const std::optional<std::chrono::seconds>& value) {
  if (value) spec[field] = format_duration(*value);
}
void set(json& spec, const char* field, const std::optional<TimePoint>& value) {
  if (value) spec[field] = format_timestamp(*value);
}

json spec_of(const AgentSpec& spec) { return to_json(spec); }

json spec_of(const EntitlementSpec& spec) {
  json out = {{"user", spec.user}, {"agent", spec.agent}};
  set(out, "uses", spec.uses);
  set(out, "expires", spec.expires);
  return out;
}

json spec_of(const QuotaSpec& spec) {
  json out = {{"user", spec.user}, {"maxPriority", spec.max_priority.value_or(0)}};
  set(out, "perMinute", spec.per_minute);
  set(out, "maxRunning", spec.max_running);
  set(out, "maxQueued", spec.max_queued);
  return out;
}

json spec_of(const ExecutionSpec& spec) {
  json out = {{"user", spec.user}, {"agent", spec.agent}, {"priority", spec.priority.value_or(0)}};
  out["input"] = json::parse(spec.input, nullptr, false);
  set(out, "entitlement", spec.entitlement);
  set(out, "timeout", spec.timeout);
  set(out, "notBefore", spec.not_before);
  set(out, "startDeadline", spec.start_deadline);
  set(out, "retryLimit", spec.retry_limit);
  set(out, "ttlAfterFinished", spec.ttl_after_finished);
  if (!spec.traceparent.empty()) out["traceparent"] = spec.traceparent;
  if (spec.cancel) out["cancel"] = true;
  return out;
}

}  // namespace

const std::string& key_of(const Object& object) {
  const auto* quota = std::get_if<QuotaSpec>(&object.spec);
  return quota != nullptr ? quota->user : object.name;
}

json document_of(const Object& object) {
  json document = {{"apiVersion", kApiVersion}, {"kind", to_string(object.kind())}};
  document["metadata"]["name"] = key_of(object);
  // Entitlements and quotas keep no labels.
  const bool labelled = object.kind() == Kind::Agent || object.kind() == Kind::Execution;
  if (labelled && !object.labels.empty()) document["metadata"]["labels"] = object.labels;
  document["spec"] = std::visit([](const auto& spec) { return spec_of(spec); }, object.spec);
  return document;
}

std::optional<json> own_fields(const json& listed) {
  // JSON is YAML, and the reader of files fills in what both sides leave to defaults.
  const auto file = parse_yaml(listed.dump(-1, ' ', false, json::error_handler_t::replace), "the database");
  const auto read = parse_objects({file});
  if (!read.errors.empty() || read.objects.size() != 1) return std::nullopt;
  return document_of(read.objects.front());
}

}  // namespace slipway::cli

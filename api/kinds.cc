#include "api/kinds.h"

#include <algorithm>
#include <array>
#include <set>

#include "api/fields.h"
#include "api/timestamp.h"

namespace slipway {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

constexpr std::array kKinds = {Kind::Agent, Kind::Entitlement, Kind::Quota, Kind::Execution};
constexpr std::size_t kMostInputBytes = 1 << 20;
constexpr seconds kLongestTimeout = hours(24 * 7);
constexpr seconds kLongestRetention = hours(24 * 3650);

std::optional<Kind> kind_from(const std::string& name) {
  const auto found = std::ranges::find_if(kKinds, [&](Kind kind) { return to_string(kind) == name; });
  return found == kKinds.end() ? std::nullopt : std::optional(*found);
}

void read_name(Fields& fields, const std::string& key, std::string& target) {
  fields.text(key, target);
  if (fields.has(key) && fields.take(key)->is_string() && !is_dns_subdomain(target)) {
    fields.fail(key,
                "expected a name of a-z, 0-9, - and . (a letter or digit at both ends, at most 63 between "
                "dots), got " +
                    describe(json(target)));
  }
}

bool is_label(const std::string& key, const std::string& value) {
  return !key.empty() && key.size() <= 253 && value.size() <= 253 &&
         (key + value).find('\0') == std::string::npos;
}

void read_labels(Fields& fields, Object& object, std::vector<FieldError>& errors) {
  const auto* labels = fields.object("labels");
  if (labels == nullptr) return;
  const auto base = join(fields.path(), "labels");
  if (labels->size() > 64) {
    errors.push_back({base, "expected at most 64 labels, got " + std::to_string(labels->size())});
    return;
  }
  for (const auto& [key, value] : labels->items()) {
    if (!value.is_string()) {
      errors.push_back({join(base, key), "expected text, got " + describe(value)});
    } else if (!is_label(key, value.get_ref<const std::string&>())) {
      errors.push_back({join(base, key),
                        "expected a label of 1 to 253 bytes with a value of at most 253, no NUL in either"});
    } else {
      object.labels[key] = value.get<std::string>();
    }
  }
}

bool is_text(Fields& fields, const std::string& key) {
  const auto* value = fields.take(key);
  return value != nullptr && value->is_string();
}

// A quota stands under its user's id, which may be any text.
void read_quota_name(Fields& fields, std::string& name) {
  fields.text("name", name);
  if (is_text(fields, "name") && name != "*" && !is_user_id(name)) {
    fields.fail("name", "expected a user's id or *, got " + describe(json(name)));
  }
}

// An entitlement's id may be its seller's own.
void read_entitlement_name(Fields& fields, const std::string& key, std::string& name) {
  fields.text(key, name);
  if (is_text(fields, key) && !is_printable_text(name, 253)) {
    fields.fail(key, "expected 1 to 253 printable characters, got " + describe(json(name)));
  }
}

void read_execution_name(Fields& fields, Object& object) {
  read_name(fields, "name", object.name);
  fields.text("generateName", object.generate_name);
  if (is_text(fields, "generateName") &&
      (object.generate_name.empty() || !is_dns_subdomain(object.generate_name + "x"))) {
    fields.fail("generateName",
                "expected a prefix of a-z, 0-9, - and ., got " + describe(json(object.generate_name)));
  }
  if (fields.has("name") && fields.has("generateName")) {
    fields.fail("generateName", "expected either name or generateName");
  } else if (!fields.has("generateName")) {
    fields.require("name");
  }
}

void read_metadata(const json& metadata, Kind kind, Object& object, std::vector<FieldError>& errors) {
  Fields fields(metadata, "metadata", errors);
  switch (kind) {
    case Kind::Agent:
      read_name(fields, "name", object.name);
      break;
    case Kind::Entitlement:
      read_entitlement_name(fields, "name", object.name);
      break;
    case Kind::Quota:
      read_quota_name(fields, object.name);
      break;
    case Kind::Execution:
      read_execution_name(fields, object);
      break;
  }
  if (kind != Kind::Execution) {
    fields.require("name");
    fields.refuse("generateName", "only an Execution may have a generated name");
  }
  if (kind == Kind::Agent || kind == Kind::Execution) {
    read_labels(fields, object, errors);
  } else {
    fields.refuse("labels", "only an Agent or an Execution has labels");
  }
  fields.refuse("namespace", "there are no namespaces: users are the tenants; remove this field");
  for (const auto* written_by_get : {"uid", "creationTimestamp", "revision"}) fields.take(written_by_get);
  fields.finish();
}

void read_user(Fields& fields, std::string& user, bool star_allowed = false) {
  fields.require("user");
  fields.text("user", user);
  if (!is_text(fields, "user") || (star_allowed && user == "*")) return;
  if (!is_user_id(user)) {
    fields.fail("user", "expected 1 to 128 printable characters except *, got " + describe(json(user)));
  }
}

void read_agent_name(Fields& fields, std::string& agent) {
  fields.require("agent");
  read_name(fields, "agent", agent);
}

template <class T>
void read_integer(Fields& fields, const std::string& key, T low, T high, std::optional<T>& target) {
  if (!fields.has(key)) return static_cast<void>(fields.take(key));
  T value = low;
  fields.integer(key, low, high, value);
  target = value;
}

void read_seconds(Fields& fields, const std::string& key, seconds low, seconds high,
                  std::optional<seconds>& target) {
  if (!fields.has(key)) return static_cast<void>(fields.take(key));
  seconds value = low;
  fields.seconds(key, low, high, value);
  target = value;
}

void read_time(Fields& fields, const std::string& key, std::optional<TimePoint>& target) {
  const auto* value = fields.take(key);
  if (value == nullptr) return;
  const auto time = value->is_string() ? parse_timestamp(value->get_ref<const std::string&>())
                                       : Result<TimePoint>(Error{ErrorClass::Invalid, ""});
  if (!time) return fields.fail(key, "expected a time such as 2027-01-01T00:00:00Z, got " + describe(*value));
  target = *time;
}

EntitlementSpec read_entitlement(Fields& fields) {
  EntitlementSpec spec;
  read_user(fields, spec.user);
  read_agent_name(fields, spec.agent);
  read_integer<std::int64_t>(fields, "uses", 0, 2'000'000'000, spec.uses);
  read_time(fields, "expires", spec.expires);
  return spec;
}

QuotaSpec read_quota(Fields& fields) {
  QuotaSpec spec;
  read_user(fields, spec.user, true);
  read_integer(fields, "perMinute", 0, 1'000'000, spec.per_minute);
  read_integer(fields, "maxRunning", 0, 1'000'000, spec.max_running);
  read_integer(fields, "maxQueued", 0, 10'000'000, spec.max_queued);
  read_integer(fields, "maxPriority", -100, 100, spec.max_priority);
  return spec;
}

ExecutionSpec read_execution(Fields& fields) {
  ExecutionSpec spec;
  read_user(fields, spec.user);
  read_agent_name(fields, spec.agent);
  if (!fields.given("input")) fields.require("input");
  if (const auto* input = fields.take("input")) spec.input = input->dump();
  if (spec.input.size() > kMostInputBytes) fields.fail("input", "larger than 1 MiB as JSON");
  if (std::string entitlement; fields.has("entitlement")) {
    read_entitlement_name(fields, "entitlement", entitlement);
    spec.entitlement = entitlement;
  }
  fields.take("entitlement");
  read_integer(fields, "priority", -100, 100, spec.priority);
  read_seconds(fields, "timeout", seconds(1), kLongestTimeout, spec.timeout);
  read_time(fields, "notBefore", spec.not_before);
  read_time(fields, "startDeadline", spec.start_deadline);
  read_integer(fields, "retryLimit", 0, 10, spec.retry_limit);
  read_seconds(fields, "ttlAfterFinished", seconds(0), kLongestRetention, spec.ttl_after_finished);
  fields.text("traceparent", spec.traceparent);
  if (is_text(fields, "traceparent") && !is_printable_text(spec.traceparent, 128))
    fields.fail("traceparent",
                "expected 1 to 128 printable characters, got " + describe(json(spec.traceparent)));
  fields.boolean("cancel", spec.cancel);
  return spec;
}

void read_spec(const json& value, Kind kind, Object& object, std::vector<FieldError>& errors) {
  if (kind == Kind::Agent) {
    auto parsed = parse_agent_spec(value);
    object.spec = std::move(parsed.spec);
    errors.insert(errors.end(), parsed.errors.begin(), parsed.errors.end());
    return;
  }
  Fields fields(value, "spec", errors);
  switch (kind) {
    case Kind::Agent:
      break;
    case Kind::Entitlement:
      object.spec = read_entitlement(fields);
      break;
    case Kind::Quota:
      object.spec = read_quota(fields);
      break;
    case Kind::Execution:
      object.spec = read_execution(fields);
      break;
  }
  fields.refuse("network", "containers have no network; remove this field");
  fields.finish();
}

// The version and kind of a document, or errors.
std::optional<Kind> read_type(Fields& fields) {
  std::string version;
  std::string name;
  fields.require("apiVersion");
  fields.text("apiVersion", version);
  if (is_text(fields, "apiVersion") && version != kApiVersion) {
    fields.fail("apiVersion", "expected " + std::string(kApiVersion) + ", got " + describe(json(version)));
  }
  fields.require("kind");
  fields.text("kind", name);
  const auto kind = kind_from(name);
  if (!kind && is_text(fields, "kind")) {
    const auto meant = nearest(name, {"Agent", "Entitlement", "Quota", "Execution"});
    fields.fail("kind", "expected Agent, Entitlement, Quota or Execution, got " + describe(json(name)) +
                            (meant ? "; did you mean \"" + *meant + "\"?" : ""));
  }
  return kind;
}

// As they stand in the file, whatever order the fields were asked for in.
void add_in_order(const YamlDocument& document, const std::vector<FieldError>& errors,
                  std::vector<SourceError>& target) {
  std::vector<std::tuple<int, int, std::size_t>> order;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const auto place = document.place_of(errors[i].path);
    order.emplace_back(place.line, place.column, i);
  }
  std::ranges::sort(order);
  for (const auto& [line, column, i] : order)
    target.push_back({document.file, {line, column}, errors[i].path, errors[i].message});
}

// The row stands under the user alone: under another name the document would be found by nobody.
void check_quota_name(const Object& object, std::vector<FieldError>& errors) {
  const auto* quota = std::get_if<QuotaSpec>(&object.spec);
  if (quota == nullptr || quota->user == object.name) return;
  errors.push_back({"metadata.name", "a quota is named after its user: expected " +
                                         describe(json(quota->user)) + ", got " +
                                         describe(json(object.name))});
}

Object read_object(const YamlDocument& document, std::vector<FieldError>& errors) {
  Object object;
  object.file = document.file;
  object.place = document.start;
  const bool generated = document.places.contains("metadata.generateName");
  object.name_place = document.place_of(generated ? "metadata.generateName" : "metadata.name");
  if (!document.value.is_object()) {
    errors.push_back(
        {"", "expected an object with apiVersion, kind, metadata and spec, got " + describe(document.value)});
    return object;
  }
  Fields fields(document.value, "", errors);
  const auto kind = read_type(fields);
  fields.require("metadata");
  fields.require("spec");
  const auto* metadata = fields.object("metadata");
  const auto* spec = fields.object("spec");
  fields.take("status");  // what `get -o yaml` printed may be applied again
  if (kind && metadata != nullptr) read_metadata(*metadata, *kind, object, errors);
  if (kind && spec != nullptr) read_spec(*spec, *kind, object, errors);
  fields.finish();
  if (errors.empty()) check_quota_name(object, errors);
  return object;
}

void refuse_twins(const std::vector<Object>& objects, std::vector<SourceError>& errors) {
  std::map<std::pair<Kind, std::string>, const Object*> seen;
  for (const auto& object : objects) {
    if (object.name.empty()) continue;
    // The name of an execution is unique per user only.
    const auto* execution = std::get_if<ExecutionSpec>(&object.spec);
    const auto key =
        std::pair(object.kind(), (execution != nullptr ? execution->user + "\n" : "") + object.name);
    const auto [at, fresh] = seen.emplace(key, &object);
    if (fresh) continue;
    const auto& first = *at->second;
    errors.push_back({object.file, object.name_place, "metadata.name",
                      std::string(singular_of(object.kind())) + "/" + object.name + " was already given at " +
                          first.file + ":" + std::to_string(first.name_place.line)});
  }
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::Agent:
      return "Agent";
    case Kind::Entitlement:
      return "Entitlement";
    case Kind::Quota:
      return "Quota";
    case Kind::Execution:
      return "Execution";
  }
  return "";
}

std::string_view singular_of(Kind kind) {
  switch (kind) {
    case Kind::Agent:
      return "agent";
    case Kind::Entitlement:
      return "entitlement";
    case Kind::Quota:
      return "quota";
    case Kind::Execution:
      return "execution";
  }
  return "";
}

ObjectsOrErrors parse_objects(const std::vector<YamlFile>& files) {
  ObjectsOrErrors answer;
  for (const auto& file : files) {
    answer.errors.insert(answer.errors.end(), file.errors.begin(), file.errors.end());
    if (!file.errors.empty()) continue;
    for (const auto& document : file.documents) {
      if (answer.errors.size() >= kMostYamlErrors) {
        answer.errors.push_back(
            {document.file, document.start, "", "too many errors; the rest was not read"});
        return answer;
      }
      std::vector<FieldError> errors;
      answer.objects.push_back(read_object(document, errors));
      add_in_order(document, errors, answer.errors);
    }
  }
  if (answer.errors.empty()) refuse_twins(answer.objects, answer.errors);
  return answer;
}

}  // namespace slipway

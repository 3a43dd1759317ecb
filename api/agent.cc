#include "api/agent.h"

#include <algorithm>
#include <charconv>

#include "api/fields.h"
#include "api/image_reference.h"
#include "api/json_schema/json_schema.h"
#include "api/quantity.h"

namespace slipway {

using nlohmann::json;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

constexpr std::int64_t Ki = 1LL << 10;
constexpr std::int64_t Mi = 1LL << 20;
constexpr std::int64_t Gi = 1LL << 30;
constexpr seconds kLongestTimeout = hours(24 * 7);
constexpr std::size_t kMostArguments = 512;
constexpr std::size_t kMostVariables = 256;
// An argument or variable longer than this cannot be handed to a process on Linux (MAX_ARG_STRLEN).
constexpr std::size_t kLongestArgument = 128 * Ki - 1;

struct PolicyName {
  ImagePullPolicy policy;
  const char* name;
};
constexpr PolicyName kPolicies[] = {{ImagePullPolicy::IfNotPresent, "IfNotPresent"},
                                    {ImagePullPolicy::Always, "Always"},
                                    {ImagePullPolicy::Never, "Never"}};

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool is_reserved_variable(std::string_view name) {
  return name == "INPUT_DATA" || name == "TRACEPARENT" || name == "HOME" || name.starts_with("SLIPWAY_");
}

bool is_price(std::string_view text) {
  const auto dot = text.find('.');
  const auto whole = text.substr(0, dot);
  const auto digits = [](std::string_view part, std::size_t most) {
    return !part.empty() && part.size() <= most &&
           part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return digits(whole, 12) && (dot == std::string_view::npos || digits(text.substr(dot + 1), 6));
}

void read_image(Fields& fields, AgentSpec& spec) {
  fields.require("image");
  fields.text("image", spec.image);
  const auto* image = fields.take("image");
  if (image != nullptr && image->is_string()) {
    if (const auto reference = parse_image_reference(spec.image); !reference) {
      fields.fail("image", "expected an image such as registry/name:tag or name@sha256:…, got " +
                               describe(spec.image) + ": " + reference.error().message);
    }
  }
  std::string policy = "IfNotPresent";
  fields.text("imagePullPolicy", policy);
  const auto* found = std::ranges::find_if(kPolicies, [&](const auto& row) { return policy == row.name; });
  if (found == std::end(kPolicies)) {
    fields.fail("imagePullPolicy", "expected IfNotPresent, Always or Never, got " + describe(policy));
  } else {
    spec.image_pull_policy = found->policy;
  }
}

void read_arguments(Fields& fields, const std::string& key, std::vector<std::string>& target) {
  fields.texts(key, kMostArguments, target);
  for (const auto& argument : target) {
    if (argument.size() > kLongestArgument) fields.fail(key, "an argument is longer than 128 KiB");
  }
}

void read_variable(const json& entry, const std::string& path, AgentSpec& spec,
                   std::vector<FieldError>& errors) {
  if (!entry.is_object()) {
    errors.push_back({path, "expected an object with name and value, got " + describe(entry)});
    return;
  }
  Fields fields(entry, path, errors);
  std::string name;
  std::string value;
  fields.require("name");
  fields.text("name", name);
  fields.text("value", value);
  fields.refuse("valueFrom", "nothing is read from elsewhere: no secrets reach a container; write the value");
  fields.finish();
  if (const auto* given = fields.take("name"); given == nullptr || !given->is_string()) return;
  if (!is_variable_name(name)) fields.fail("name", "expected letters, digits and _, got " + describe(name));
  if (is_reserved_variable(name)) fields.fail("name", describe(name) + " is set by Slipway");
  if (value.size() > kLongestArgument) fields.fail("value", "is longer than 128 KiB");
  const auto same = [&](const auto& other) { return other.first == name; };
  if (std::ranges::any_of(spec.env, same)) fields.fail("name", describe(name) + " is set twice");
  spec.env.emplace_back(name, value);
}

void read_env(Fields& fields, AgentSpec& spec, std::vector<FieldError>& errors) {
  const auto* list = fields.array("env", kMostVariables);
  if (list == nullptr) return;
  const auto path = join(fields.path(), "env");
  for (std::size_t i = 0; i < list->size(); ++i) read_variable(list->at(i), join(path, i), spec, errors);
}

void read_limits(Fields& spec_fields, Limits& limits, std::vector<FieldError>& errors) {
  const auto* resources = spec_fields.object("resources");
  if (resources == nullptr) return;
  Fields outer(*resources, join(spec_fields.path(), "resources"), errors);
  outer.refuse("requests", "there is nothing to request: limits alone decide");
  if (const auto* object = outer.object("limits")) {
    Fields fields(*object, join(outer.path(), "limits"), errors);
    fields.millicores("cpu", 10, 512000, limits.cpu_millicores);
    fields.bytes("memory", 6 * Mi, 4096 * Gi, limits.memory);
    fields.integer("pids", 1, 32768, limits.pids);
    fields.bytes("output", 4 * Ki, 64 * Mi, limits.output);
    fields.bytes("scratch", 4 * Ki, 64 * Gi, limits.scratch);
    fields.bytes("logs", 4 * Ki, 64 * Mi, limits.logs);
    fields.finish();
  }
  outer.finish();
}

void read_times(Fields& fields, AgentSpec& spec, const std::vector<FieldError>& errors) {
  const auto before = errors.size();
  fields.seconds("timeout", seconds(1), kLongestTimeout, spec.timeout);
  spec.max_timeout = spec.timeout;
  fields.seconds("maxTimeout", seconds(1), kLongestTimeout, spec.max_timeout);
  if (errors.size() == before && spec.max_timeout < spec.timeout) {
    fields.fail("maxTimeout", "must not be below timeout (" + format_duration(spec.timeout) + "), got " +
                                  format_duration(spec.max_timeout));
  }
  fields.seconds("terminationGracePeriod", seconds(0), hours(1), spec.termination_grace_period);
}

void read_security_context(Fields& spec_fields, AgentSpec& spec, std::vector<FieldError>& errors) {
  const auto* object = spec_fields.object("securityContext");
  if (object == nullptr) return;
  Fields fields(*object, join(spec_fields.path(), "securityContext"), errors);
  // 0 would be root: nothing in the sandbox may be.
  fields.integer("runAsUser", 1, 2147483647, spec.run_as_user);
  fields.integer("runAsGroup", 1, 2147483647, spec.run_as_group);
  fields.refuse("privileged", "no container is privileged");
  fields.finish();
}

// Where a JSON pointer leads, as a path of the document: as far as there is something.
std::string path_to(const json& schema, std::string path, std::string_view pointer) {
  const auto* at = &schema;
  while (pointer.starts_with('/')) {
    pointer.remove_prefix(1);
    auto token = std::string(pointer.substr(0, pointer.find('/')));
    pointer.remove_prefix(token.size());
    std::size_t index = 0;
    if (at->is_array()) {
      std::from_chars(token.data(), token.data() + token.size(), index);
      if (index >= at->size()) break;
      path = join(path, index);
      at = &at->at(index);
      continue;
    }
    for (const auto& [escape, plain] : {std::pair("~1", "/"), std::pair("~0", "~")}) {
      for (auto found = token.find(escape); found != token.npos; found = token.find(escape, found + 1))
        token.replace(found, 2, plain);
    }
    if (!at->is_object() || !at->contains(token)) break;
    path = join(path, token);
    at = &at->at(token);
  }
  return path;
}

// The database keeps an agent as jsonb, which has no place for this one character.
bool holds_nul(const json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().find('\0') != std::string::npos;
  if (!value.is_structured()) return false;
  for (const auto& [key, child] : value.items()) {
    if (value.is_object() && key.find('\0') != std::string::npos) return true;
    if (holds_nul(child)) return true;
  }
  return false;
}

void read_schema(Fields& fields, const std::string& key, json& target, std::vector<FieldError>& errors) {
  const auto* schema = fields.take(key);
  if (schema == nullptr) return;
  if (!schema->is_object() && !schema->is_boolean()) {
    fields.fail(key, "expected a JSON Schema (an object), got " + describe(*schema));
    return;
  }
  if (holds_nul(*schema)) return fields.fail(key, "must not hold a NUL character");
  const auto base = join(fields.path(), key);
  for (const auto& problem : json_schema::compile(*schema).problems)
    errors.push_back({path_to(*schema, base, problem.schema), problem.message});
  target = *schema;
}

void read_price(Fields& fields, AgentSpec& spec) {
  const auto* price = fields.take("price");
  if (price == nullptr) return;
  if (price->is_string() && is_price(price->get_ref<const std::string&>())) {
    spec.price = price->get<std::string>();
  } else {
    fields.fail("price", "expected a decimal in quotes such as \"0.05\", got " + describe(*price));
  }
}

void read_owner(Fields& fields, AgentSpec& spec) {
  fields.text("owner", spec.owner);
  const auto* owner = fields.take("owner");
  if (owner != nullptr && owner->is_string() && !is_user_id(spec.owner))
    fields.fail("owner", "expected the id of a user, got " + describe(spec.owner));
  std::string shown = "owner";
  fields.text("partialResults", shown);
  if (shown != "owner" && shown != "submitter")
    fields.fail("partialResults", "expected owner or submitter, got " + describe(shown));
  spec.partial_results_for_submitter = shown == "submitter";
}

void read_retry(Fields& spec_fields, AgentSpec& spec, std::vector<FieldError>& errors) {
  const auto* object = spec_fields.object("retry");
  if (object == nullptr) return;
  Fields fields(*object, join(spec_fields.path(), "retry"), errors);
  fields.integer("limit", 0, 10, spec.retry_limit);
  fields.boolean("nodeLost", spec.retry_node_lost);
  fields.finish();
}

void read_scheduling(Fields& fields, AgentSpec& spec) {
  std::int64_t most = 0;
  fields.integer("maxConcurrent", 1, 1000000, most);
  if (most > 0) spec.max_concurrent = static_cast<int>(most);
  fields.text("runtimeClassName", spec.runtime_class);
  if (!spec.runtime_class.empty() && !is_dns_label(spec.runtime_class)) {
    fields.fail("runtimeClassName", "expected a name of a-z, 0-9 and -, got " + describe(spec.runtime_class));
  }
  fields.boolean("suspend", spec.suspend);
}

}  // namespace

AgentSpecOrErrors parse_agent_spec(const json& object, const std::string& base) {
  AgentSpecOrErrors answer;
  if (!object.is_object()) {
    answer.errors.push_back({base, "expected an object, got " + describe(object)});
    return answer;
  }
  auto& [spec, errors] = answer;
  Fields fields(object, base, errors);
  read_image(fields, spec);
  read_arguments(fields, "command", spec.command);
  read_arguments(fields, "args", spec.args);
  read_env(fields, spec, errors);
  read_limits(fields, spec.limits, errors);
  read_times(fields, spec, errors);
  read_scheduling(fields, spec);
  read_security_context(fields, spec, errors);
  read_schema(fields, "inputSchema", spec.input_schema, errors);
  read_schema(fields, "outputSchema", spec.output_schema, errors);
  read_price(fields, spec);
  read_owner(fields, spec);
  read_retry(fields, spec, errors);
  fields.refuse("network", "containers have no network; remove this field");
  fields.finish();
  return answer;
}

json to_json(const AgentSpec& spec) {
  json object = json::object();
  object["image"] = spec.image;
  for (const auto& row : kPolicies) {
    if (row.policy == spec.image_pull_policy) object["imagePullPolicy"] = row.name;
  }
  object["command"] = spec.command;
  object["args"] = spec.args;
  object["env"] = json::array();
  for (const auto& [name, value] : spec.env)
    object["env"].push_back(json::object({{"name", name}, {"value", value}}));
  const auto& limits = spec.limits;
  object["resources"]["limits"] = json::object({{"cpu", format_millicores(limits.cpu_millicores)},
                                                {"memory", format_bytes(limits.memory)},
                                                {"pids", limits.pids},
                                                {"output", format_bytes(limits.output)},
                                                {"scratch", format_bytes(limits.scratch)},
                                                {"logs", format_bytes(limits.logs)}});
  object["timeout"] = format_duration(spec.timeout);
  object["maxTimeout"] = format_duration(spec.max_timeout);
  if (spec.max_concurrent) object["maxConcurrent"] = *spec.max_concurrent;
  object["securityContext"] =
      json::object({{"runAsUser", spec.run_as_user}, {"runAsGroup", spec.run_as_group}});
  if (!spec.runtime_class.empty()) object["runtimeClassName"] = spec.runtime_class;
  if (!spec.input_schema.is_null()) object["inputSchema"] = spec.input_schema;
  if (!spec.output_schema.is_null()) object["outputSchema"] = spec.output_schema;
  object["price"] = spec.price;
  if (!spec.owner.empty()) object["owner"] = spec.owner;
  if (spec.partial_results_for_submitter) object["partialResults"] = "submitter";
  object["retry"] = json::object({{"limit", spec.retry_limit}, {"nodeLost", spec.retry_node_lost}});
  object["terminationGracePeriod"] = format_duration(spec.termination_grace_period);
  object["suspend"] = spec.suspend;
  return object;
}

}  // namespace slipway

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/agent.h"
#include "api/clock.h"
#include "api/yaml.h"

namespace slipway {

inline constexpr std::string_view kApiVersion = "slipway.dev/v1alpha1";

/// The documents users write.
enum class Kind { Agent, Entitlement, Quota, Execution };
std::string_view to_string(Kind kind);    ///< "Agent"
std::string_view singular_of(Kind kind);  ///< "agent", as in "agent/momentum created"

struct EntitlementSpec {
  std::string user;
  std::string agent;
  std::optional<std::int64_t> uses;  ///< total granted; nothing: without bound
  std::optional<TimePoint> expires;
  bool operator==(const EntitlementSpec&) const = default;
};

struct QuotaSpec {
  std::string user;  ///< "*": whoever has no quota of their own
  std::optional<int> per_minute;
  std::optional<int> max_running;
  std::optional<int> max_queued;
  std::optional<int> max_priority;
  bool operator==(const QuotaSpec&) const = default;
};

struct ExecutionSpec {
  std::string user;
  std::string agent;
  std::optional<std::string> entitlement;
  std::string input = "null";  ///< JSON text
  std::optional<int> priority;
  std::optional<std::chrono::seconds> timeout;
  std::optional<TimePoint> not_before;
  std::optional<TimePoint> start_deadline;
  std::optional<int> retry_limit;
  std::optional<std::chrono::seconds> ttl_after_finished;
  std::string traceparent;
  bool cancel = false;
  bool operator==(const ExecutionSpec&) const = default;
};

/// One document, checked as far as it can be without the database.
struct Object {
  /// Empty only with generate_name. DNS-1123; an entitlement's may be any id of its seller's, and a quota is
  /// named after its user.
  std::string name;
  std::string generate_name;  ///< a prefix; executions only
  std::map<std::string, std::string> labels;
  std::variant<AgentSpec, EntitlementSpec, QuotaSpec, ExecutionSpec> spec;  ///< in the order of Kind
  std::string file;
  SourcePlace place;
  SourcePlace name_place;  ///< of name or generate_name

  Kind kind() const { return static_cast<Kind>(spec.index()); }
};

/// Where an execution's document (as the catalogue answers it) is of another request than this one; empty: it
/// is of the same.
std::string differing_field(const ExecutionSpec& request, const nlohmann::json& document);

/// The document of an object, what it leaves to its default left out: parsing it gives the object again.
nlohmann::json to_json(const Object& object);

struct ObjectsOrErrors {
  std::vector<Object> objects;
  std::vector<SourceError> errors;  ///< of every document, each with file, line, column and path
};
/// Reads the documents of all files together, so that the same object given twice is an error, too.
ObjectsOrErrors parse_objects(const std::vector<YamlFile>& files);

}  // namespace slipway

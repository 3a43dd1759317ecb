#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/result.h"

namespace slipway {

enum class ImagePullPolicy { IfNotPresent, Always, Never };

/// Hard limits of one container. Bytes unless the name says otherwise.
struct Limits {
  std::int64_t cpu_millicores = 500;
  std::int64_t memory = 512LL << 20;
  std::int64_t pids = 128;
  std::int64_t output = 16LL << 20;   ///< the /output file system and the largest result.json
  std::int64_t scratch = 64LL << 20;  ///< the /tmp file system
  std::int64_t logs = 1LL << 20;      ///< stored per attempt, head and tail kept
  bool operator==(const Limits&) const = default;
};

/// The `spec` of an Agent: what an admin says can be run. Immutable once it is a revision.
struct AgentSpec {
  std::string image;
  ImagePullPolicy image_pull_policy = ImagePullPolicy::IfNotPresent;
  std::vector<std::string> command;  ///< empty: the image's entrypoint
  std::vector<std::string> args;     ///< empty with an empty command: the image's own arguments
  std::vector<std::pair<std::string, std::string>> env;
  Limits limits;
  std::chrono::seconds timeout{300};
  std::chrono::seconds max_timeout{300};
  std::optional<int> max_concurrent;
  int run_as_user = 65534;
  int run_as_group = 65534;
  std::string runtime_class;                   ///< empty: the engine's default
  nlohmann::json input_schema;                 ///< null: anything
  nlohmann::json output_schema;                ///< null: any JSON
  std::string price = "0";                     ///< decimal, as written
  std::string owner;                           ///< a user: reads what unpaid runs left; empty: operators only
  bool partial_results_for_submitter = false;  ///< of runs whose use stays spent
  int retry_limit = 0;                         ///< new attempts after a Platform fault
  bool retry_node_lost = false;
  std::chrono::seconds termination_grace_period{10};
  bool suspend = false;
  bool operator==(const AgentSpec&) const = default;
};

/// Where in a document something is wrong, and what was expected there.
struct FieldError {
  std::string path;     ///< "spec.resources.limits.cpu"
  std::string message;  ///< "expected a quantity such as 500m, got \"fast\""
};

/// Reads the `spec` object of an Agent in its YAML/JSON shape (camelCase). Unknown fields, wrong types and
/// values out of range are all reported, each with its path; nothing is guessed. `base` prefixes the paths.
struct AgentSpecOrErrors {
  AgentSpec spec;
  std::vector<FieldError> errors;
};
AgentSpecOrErrors parse_agent_spec(const nlohmann::json& spec, const std::string& base = "spec");

/// The canonical JSON of a spec: what the database stores and `get -o yaml` shows. parse(to_json(s)) == s.
nlohmann::json to_json(const AgentSpec& spec);

}  // namespace slipway

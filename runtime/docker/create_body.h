#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "runtime/container_runtime.h"

namespace slipway::runtime {

/// Where this attempt's input and output live on the engine's side.
struct IoBinding {
  bool volumes = false;  ///< true: names of engine volumes; false: absolute host paths
  std::string input;
  std::string output;
};

/// What the node adds to a spec.
struct NodeBinding {
  std::string instance_id;
  std::string cgroup_parent;  ///< of this attempt alone
  std::string runtime;        ///< engine runtime; empty: the engine's default
  int stop_timeout_seconds = 1;
  IoBinding io;
};

inline constexpr std::string_view kLabelInstance = "slipway.instance";
inline constexpr std::string_view kLabelExecution = "slipway.execution";
inline constexpr std::string_view kLabelAttempt = "slipway.attempt";
inline constexpr std::string_view kLabelClaim = "slipway.claim";
inline constexpr std::string_view kLabelSpec = "slipway.spec";
inline constexpr std::string_view kLabelIo = "slipway.io";  ///< "mount" or "volume"
inline constexpr std::string_view kLabelRole =
    "slipway.role";  ///< "helper" on volume mode's never-started helper

/// The longest input that is also passed as INPUT_DATA (one environment variable fails at 128 KiB).
inline constexpr std::size_t kInputDataMax = 64 * 1024;
/// Files and directories an attempt may make in /output.
inline constexpr int kOutputInodes = 1024;
/// Rotated log files the engine keeps, each of limits.logs bytes: what collect may have to read is this many
/// times the cap.
inline constexpr int kLogFiles = 3;

/// The body of POST /containers/create: an allow-list. No field of it comes from a request except through
/// ContainerSpec.
nlohmann::json create_body(const ContainerSpec& spec, const NodeBinding& node);

nlohmann::json labels_of(const AttemptRef& ref, const std::string& instance_id);

/// SHA-256 over everything a container is made from but its input (immutable, and as long as 1 MiB), hex.
/// Stable across versions of this program.
std::string spec_hash(const ContainerSpec& spec);

}  // namespace slipway::runtime

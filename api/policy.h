#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/agent.h"
#include "api/reason.h"

namespace slipway {

/// What the operator of a node allows agents to be, whatever their authors write. Empty: anything. Nodes of
/// one cluster are given the same one: it is asked at the first decision, by whichever node makes it.
struct Policy {
  std::vector<std::string> registries;  ///< "host:port" or "host:port/path" an image's name must begin with
  bool digest_required = false;         ///< an image is named by digest, so that what runs cannot change
  std::optional<std::int64_t> greatest_memory;  ///< bytes
  std::optional<std::int64_t> greatest_cpu_millicores;
  std::optional<std::chrono::seconds> greatest_timeout;
  bool operator==(const Policy&) const = default;
};

struct PolicyObjection {
  Reason reason = Reason::ImageNotAllowed;
  std::string message;  ///< for the user
};

/// Why an agent may not run here; empty: it may. Pure.
std::optional<PolicyObjection> objection_of(const Policy& policy, const AgentSpec& spec);

}  // namespace slipway

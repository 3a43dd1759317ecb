#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "api/agent.h"

namespace slipway {

/// What an execution may ask its agent for: as much as the agent allows, and not more.
struct Asked {
  std::optional<std::chrono::seconds> timeout;
  std::optional<int> retry_limit;
  bool operator==(const Asked&) const = default;
};

/// How much of that it gets; what it does not ask for is the agent's own.
std::chrono::seconds granted_timeout(const Asked& asked, const AgentSpec& agent);
int granted_retries(const Asked& asked, const AgentSpec& agent);

/// What it does not get, in words for its user: "the timeout of 2h is above …"; empty: it gets everything.
std::vector<std::string> lowered(const Asked& asked, const AgentSpec& agent);

}  // namespace slipway

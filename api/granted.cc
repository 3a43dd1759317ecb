#include "api/granted.h"

#include <algorithm>

#include "api/quantity.h"

namespace slipway {

std::chrono::seconds granted_timeout(const Asked& asked, const AgentSpec& agent) {
  return std::min(asked.timeout.value_or(agent.timeout), agent.max_timeout);
}

int granted_retries(const Asked& asked, const AgentSpec& agent) {
  return std::min(asked.retry_limit.value_or(agent.retry_limit), agent.retry_limit);
}

std::vector<std::string> lowered(const Asked& asked, const AgentSpec& agent) {
  std::vector<std::string> words;
  if (asked.timeout && *asked.timeout > agent.max_timeout) {
    words.push_back("the timeout of " + format_duration(*asked.timeout) +
                    " is above the agent's maxTimeout and is lowered to " +
                    format_duration(agent.max_timeout));
  }
  if (asked.retry_limit && *asked.retry_limit > agent.retry_limit) {
    words.push_back("the retryLimit of " + std::to_string(*asked.retry_limit) +
                    " is above the agent's retry.limit and is lowered to " +
                    std::to_string(agent.retry_limit));
  }
  return words;
}

}  // namespace slipway

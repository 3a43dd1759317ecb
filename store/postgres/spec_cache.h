#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "api/agent.h"
#include "store/postgres/connection.h"

namespace slipway::store::postgres {

/// Revisions never change, so each is read and parsed once and shared by every row that pins it. Any thread.
class SpecCache {
 public:
  /// The spec of a revision; null when there is no such revision or this binary cannot read it. Throws
  /// Failure.
  std::shared_ptr<const AgentSpec> get(Connection& connection, const std::string& agent, int revision);

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::shared_ptr<const AgentSpec>> specs_;
};

}  // namespace slipway::store::postgres

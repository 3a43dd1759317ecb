#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "api/agent.h"
#include "store/postgres/connection.h"

namespace slipway::store::postgres {

/// The spec of a revision as far as this binary can read it.
struct ReadSpec {
  std::shared_ptr<const AgentSpec> spec;  ///< null: there is no such revision
  bool whole = true;  ///< false: a field is not known here or its value is not; what is known is in `spec`
};

/// Revisions never change, so each is read and parsed once and shared by every row that pins it. Any thread.
class SpecCache {
 public:
  /// Throws Failure, but not for a revision that cannot be read.
  ReadSpec get(Connection& connection, const std::string& agent, int revision);

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, int>, ReadSpec> specs_;
};

}  // namespace slipway::store::postgres

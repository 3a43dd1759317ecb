#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/kinds.h"
#include "store/postgres/connection.h"

namespace slipway::store::postgres {

struct NewestSpec {
  int revision = 0;
  AgentSpec spec;
};
/// Nothing: no such agent.
std::optional<NewestSpec> newest_spec(Connection& connection, const std::string& agent);

/// What of an applied document will not hold, as its agent stands now.
std::vector<std::string> warnings_of(Connection& connection, const Object& object);

}  // namespace slipway::store::postgres

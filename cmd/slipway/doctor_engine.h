#pragma once

#include <map>
#include <nlohmann/json.hpp>

#include "cmd/slipway/finding.h"

namespace slipway::cli {

/// What is to be said of an engine by its own words (GET /info). `classes`: runtime class → runtime, of the
/// configuration. Pure.
Findings judge_engine(const nlohmann::json& info, const std::map<std::string, std::string>& classes);

}  // namespace slipway::cli

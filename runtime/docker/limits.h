#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace slipway::runtime {

/// Compares what inspect reads back with the body that was sent (create_body). Returns the first difference,
/// e.g. "Memory: asked 67108864, got 0", or empty when everything asked for is in force and nothing forbidden
/// was added.
std::string violated_limit(const nlohmann::json& asked_body, const nlohmann::json& inspected);

/// The limits as read back, as one small JSON object (text): stored on the attempt.
std::string effective_limits(const nlohmann::json& inspected);

}  // namespace slipway::runtime

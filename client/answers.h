#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "api/result.h"
#include "client/connection.h"

namespace slipway::client {

/// What a problem of the API, or an answer that is none of its, means to a command. `safe`: the request
/// changes nothing, or nothing more when it is repeated.
Error error_of(const Answer& answer, bool safe, const std::string& url);

/// The JSON object of a 2xx. Unsupported: whatever answered is no Slipway server.
Result<nlohmann::json> object_of(const Answer& answer, const std::string& url);

/// The members, each only where it is of that type.
std::string text_in(const nlohmann::json& object, const char* name);
std::int64_t number_in(const nlohmann::json& object, const char* name);

}  // namespace slipway::client

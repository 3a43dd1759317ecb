#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/message.h"

namespace slipway::server {

/// "%2F" → "/", and in queries "+" → " ". Nothing: a broken escape, or a NUL.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_space = false);
/// Fills path, segments and query of the request from "/v1/executions?limit=5". A part that cannot be decoded
/// stays as it was sent: no route or id has such a form.
void read_target(std::string_view target, Request& request);
/// 1 to 128 letters, digits, - _ and .
bool is_request_id(std::string_view text);
std::string hex(std::uint64_t value);  ///< 16 digits

}  // namespace slipway::server

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::server {

/// A new token: "slp_" and 32 bytes of the system's randomness in URL-safe Base64.
std::string new_token();
/// "tok-" and 12 letters and digits: what a token is called, which is no secret.
std::string new_token_id();
bool is_token_id(std::string_view text);
/// 64 hexadecimal digits: how a token is stored and looked up.
std::string sha256_hex(std::string_view text);
/// The token of "Bearer …"; nothing for anything else.
std::optional<std::string> bearer_of(std::string_view authorization);

}  // namespace slipway::server

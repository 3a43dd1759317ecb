#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::json_schema {

/// A value as a sentence shows it: short, one line, control characters escaped. Costs the same for a value of
/// any size.
std::string quote(const nlohmann::json& value);
std::string quote(std::string_view text);

/// "a string or null" for the bits of a TypeRule.
std::string types_text(std::uint8_t bits);

/// "1 item", "3 items".
std::string plural(std::uint64_t count, std::string_view singular);

/// A key as one step of a JSON pointer, with its slash.
std::string pointer_token(std::string_view key);

/// Steps (each with its slash) joined, outermost first; cut after a kilobyte.
std::string join_pointer(const std::vector<std::string>& tokens);

}  // namespace slipway::json_schema

#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

/// A plain scalar by the core schema of YAML 1.2: null, booleans, integers (decimal, 0o, 0x), floats, else
/// text. Invalid: a number that JSON cannot hold (.inf, .nan, beyond 64 bits or the range of a double).
std::optional<nlohmann::json> resolve_plain_scalar(const std::string& text);

/// The byte offset of the first byte that is no UTF-8 or is a control character other than tab and line ends;
/// npos if none.
std::size_t find_unprintable(std::string_view text);

}  // namespace slipway

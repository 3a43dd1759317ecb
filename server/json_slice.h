#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::server {

/// The text of the member at `path` of a JSON object, exactly as it was written. `json` was checked to be
/// strict JSON before. Nothing: there is no such member.
std::optional<std::string_view> json_slice(std::string_view json, const std::vector<std::string>& path);
/// The texts of the elements of an array, in the same way.
std::vector<std::string_view> json_elements(std::string_view array);

}  // namespace slipway::server

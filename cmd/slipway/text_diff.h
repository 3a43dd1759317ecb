#pragma once

#include <string>
#include <vector>

namespace slipway::cli {

/// How one text becomes the other, in the unified format with three lines around each change and without
/// headings; empty when they are equal.
std::string unified_diff(const std::vector<std::string>& before, const std::vector<std::string>& after);

}  // namespace slipway::cli

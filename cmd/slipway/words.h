#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::cli {

/// Without the blanks at both ends.
std::string trimmed(std::string_view text);
/// The lines of a text, without their ends. A last one without an end counts.
std::vector<std::string> lines_of(std::string_view text);

}  // namespace slipway::cli

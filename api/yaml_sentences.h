#pragma once

#include <string>
#include <string_view>

namespace slipway {

/// What a person reads where yaml-cpp gives up: what was expected there. `line` is the one its mark points
/// to; `at_end`: there is none, for the text is over.
std::string explain_malformed(const std::string& message, std::string_view line, bool at_end);

}  // namespace slipway

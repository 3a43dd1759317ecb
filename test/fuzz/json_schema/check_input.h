#pragma once

#include <string>
#include <string_view>

namespace slipway::fuzz {

/// Takes a schema, a line `---`, and a value; or a schema alone. What broke a promise of the validator, or
/// nothing.
std::string check_input(std::string_view bytes);

}  // namespace slipway::fuzz

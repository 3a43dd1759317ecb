#pragma once

#include <string>
#include <string_view>

namespace slipway::fuzz {

/// What the bytes made a parser break of its promises, or nothing. One definition for each folder.
std::string check_input(std::string_view bytes);

}  // namespace slipway::fuzz

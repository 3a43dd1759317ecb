#pragma once

#include <optional>
#include <string_view>

#include "api/clock.h"

namespace slipway::runtime {

/// The engine's times, "2026-11-23T22:18:36.740131591Z" or with an offset, to microseconds. Year 1 is the
/// engine's zero and gives TimePoint{}.
std::optional<TimePoint> parse_rfc3339(std::string_view text);

}  // namespace slipway::runtime

#pragma once

#include <string>
#include <string_view>

#include "api/clock.h"
#include "api/result.h"

namespace slipway {

/// RFC 3339: "2027-01-01T00:00:00Z", with an offset and up to six digits of a fraction if wanted. Years 1970
/// to 9999.
Result<TimePoint> parse_timestamp(std::string_view text);
/// UTC, the fraction only where there is one: "2027-01-01T00:00:00Z", "2027-01-01T00:00:00.25Z".
std::string format_timestamp(TimePoint time);

}  // namespace slipway

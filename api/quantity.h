#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/result.h"

namespace slipway {

/// "512Mi", "1G", "65536" → bytes. Suffixes Ki Mi Gi Ti (powers of 1024), k M G T (powers of 1000). No
/// fractions, no signs.
Result<std::int64_t> parse_bytes(std::string_view text);
/// "500m" → 500, "2" → 2000, "0.5" → 500: thousandths of a core, at least 1.
Result<std::int64_t> parse_millicores(std::string_view text);
/// "5m", "1h30m", "10s", "500ms", or whole seconds "300": at most four units in descending order (Gateway
/// API, GEP-2257).
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

std::string format_bytes(std::int64_t bytes);  ///< the largest binary suffix that divides exactly: "512Mi"
std::string format_millicores(std::int64_t millicores);           ///< "500m", "2"
std::string format_duration(std::chrono::milliseconds duration);  ///< "1h30m", "0s"

}  // namespace slipway

#pragma once

#include <string>

#include "api/result.h"

namespace slipway::runtime {

/// Host::stop_unit, by the system bus. Blocks, five seconds at most.
Result<void> stop_unit_by_bus(const std::string& unit);

}  // namespace slipway::runtime

#pragma once

#include <string>

#include "api/result.h"
#include "runtime/container_runtime.h"

namespace slipway::cli {

/// Probes the engine as slipwayd does at its start, with a probe container of its own and nothing left
/// behind. Blocking.
Result<runtime::Capabilities> engine_capabilities(const std::string& socket);

}  // namespace slipway::cli

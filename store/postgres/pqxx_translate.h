#pragma once

#include <string>

#include "store/postgres/connection.h"

namespace slipway::store::postgres {

/// The exception in flight as a Failure. `committing`: it came out of COMMIT, so a broken connection means
/// Doubt.
Failure translate_current(bool committing);

/// The options as libpq reads them. Settings that the given URL already has are left alone.
std::string connect_string(const ConnectionOptions& options);

}  // namespace slipway::store::postgres

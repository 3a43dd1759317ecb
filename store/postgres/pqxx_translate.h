#pragma once

#include <string>

#include "store/postgres/connection.h"

namespace slipway::store::postgres {

/// The exception in flight as a Failure. `committing`: it came out of COMMIT, so a broken connection means
/// Doubt.
Failure translate_current(bool committing);

}  // namespace slipway::store::postgres

#pragma once

#include "store/catalog.h"
#include "store/postgres/connection.h"

namespace slipway::store::postgres {

/// Within the open transaction, if there is one. Throws Failure.
Outlook outlook_of(Connection& connection, const ExecutionSpec& request);

}  // namespace slipway::store::postgres

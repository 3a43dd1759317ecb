#pragma once

#include "api/kinds.h"
#include "api/result.h"
#include "store/catalog.h"
#include "store/postgres/connection.h"

namespace slipway::store::postgres {

/// Writes one document within the open transaction. Throws Failure; answers Invalid or Conflict with a
/// sentence that names the object and the field.
Result<Change> write_object(Connection& connection, const Object& object, bool create_only);

}  // namespace slipway::store::postgres

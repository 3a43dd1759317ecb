#pragma once

#include "store/postgres/connection.h"

namespace slipway::store::postgres {

/// What becomes of a failure where one row is written or read. Invalid stays what the server refuses for the
/// data in it: with less in it, or without that row, it may be taken. A statement that the schema, the rights
/// or the server refuse whatever it carries becomes Unsupported, so that no row is blamed for it.
Failure refusal(const Failure& failure);

}  // namespace slipway::store::postgres

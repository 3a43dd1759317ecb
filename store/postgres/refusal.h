#pragma once

#include "store/postgres/connection.h"

namespace slipway::store::postgres {

/// What becomes of a failure where rows are written. Invalid stays what the server refuses for the data in
/// it: with less in it, or without that row, it may be taken. A statement that the schema, the rights or the
/// server refuse whatever it carries becomes Unsupported, so that no row is blamed for it.
Failure refusal(const Failure& failure);

/// The same where one row is read: a value on a damaged page is that row's trouble, too.
Failure read_refusal(const Failure& failure);

}  // namespace slipway::store::postgres

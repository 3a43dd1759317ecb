#pragma once

#include <string>

#include "store/catalog.h"

namespace slipway::cli {

/// What the catalogue says of a name that is not there, and the name of this kind that was probably meant.
/// Other errors stay as they are.
Error with_suggestion(store::CommandCatalog& catalog, store::Table table, const std::string& name,
                      Error error);

/// The id behind a name or id. Of a name that several users have given, the error tells which ids there are.
Result<ExecutionId> find_execution(store::CommandCatalog& catalog, const std::string& name);

}  // namespace slipway::cli

#pragma once

#include <nlohmann/json.hpp>

#include "api/kinds.h"
#include "store/postgres/connection.h"

namespace slipway::store::postgres {

/// A row's document as users read it: with apiVersion, and without fields that have no value, as `apply`
/// would read it.
nlohmann::json document_of(const std::string& text);

/// The same with what an execution was given and gave, from two further columns (NULL: nothing).
nlohmann::json with_payload(nlohmann::json document, const Rows& rows, int row, int input, int output);

}  // namespace slipway::store::postgres

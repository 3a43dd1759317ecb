#pragma once

#include <optional>
#include <string>

#include "api/json_schema/rules.h"

namespace slipway::json_schema {

struct InPlaceProblem {
  NodeId node = 0;
  std::string message;
};

/// Schemas may apply others to the same value ($ref, allOf, if, ...). Whether following these from any schema
/// never ends, goes too deep, or takes too many paths. A $dynamicRef is bounded when it is followed instead.
std::optional<InPlaceProblem> check_in_place(const Schema& schema);

}  // namespace slipway::json_schema

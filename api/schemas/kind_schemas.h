#pragma once

#include <string_view>
#include <vector>

namespace slipway::schemas {

/// The JSON Schema (2020-12) of one kind of document: what `explain` and docs/reference.md say, and what
/// editors may be given. The parser of api/kinds.h decides; a test holds the two to each other.
struct KindSchema {
  std::string_view kind;  ///< "agent"
  std::string_view json;
};

/// In the order of api/kinds.h.
const std::vector<KindSchema>& kind_schemas();

}  // namespace slipway::schemas

#pragma once

#include <string>

#include "api/result.h"

namespace slipway::cli {

/// What "agent.spec.resources" is, as `kubectl explain` lays it out: kind, field, description and the fields
/// below; with `recursive` the names and types of everything below instead. Invalid: no such kind or field,
/// with the name that may have been meant.
Result<std::string> explain(const std::string& path, bool recursive);

/// docs/reference.md: every field of every kind.
std::string reference_page();

}  // namespace slipway::cli

#pragma once

#include <string>
#include <vector>

#include "api/kinds.h"
#include "api/result.h"

namespace slipway::cli {

/// The bytes of a regular file, a pipe or, with "-", of standard input. Invalid: not there, not readable, or
/// more than `most`.
Result<std::string> read_file(const std::string& path, std::size_t most);

/// The documents of files, directories (their *.yaml, *.yml and *.json, by name, not deeper) and "-". What
/// cannot be read is an error among the others.
ObjectsOrErrors load_objects(const std::vector<std::string>& paths);

}  // namespace slipway::cli

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/kinds.h"
#include "api/result.h"

namespace slipway::cli {

/// The bytes of a regular file, a pipe or, with "-", of standard input. Invalid: not there, not readable, or
/// more than `most`.
Result<std::string> read_file(const std::string& path, std::size_t most);

/// Writes the bytes, or all of what was there stays: they stand in a file beside it first.
Result<void> write_file(const std::string& path, std::string_view bytes);

/// The documents of files, directories (their *.yaml, *.yml and *.json, by name, not deeper) and "-". What
/// cannot be read is an error among the others.
ObjectsOrErrors load_objects(const std::vector<std::string>& paths);
/// The same for a verb that finds objects again by their names: a generated name is an error.
ObjectsOrErrors load_named_objects(const std::vector<std::string>& paths, const std::string& verb);

/// Says all errors on stderr; answers exit code 1.
int report(const std::vector<SourceError>& errors);

}  // namespace slipway::cli

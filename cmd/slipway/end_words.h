#pragma once

#include <string>

#include "store/catalog.h"

namespace slipway::cli {

/// "execution/morning-run", or with its id where it has no name.
std::string title_of(const store::Standing& standing);

/// How an execution ended, with what its reason speaks of: "FAILED: NonZeroExit (agent momentum, exit code 3)
/// after 2.1 s".
std::string end_words(const store::Standing& end);

}  // namespace slipway::cli

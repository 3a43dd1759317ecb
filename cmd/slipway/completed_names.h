#pragma once

#include <string>
#include <vector>

#include "cmd/slipway/session.h"

namespace slipway::cli {

/// The names of the newest objects of a kind, those alone that a shell takes as they are: some names are free
/// text, and one such as `$(reboot)` must not find its way onto a command line by a key. None where the
/// database does not answer at once.
std::vector<std::string> names_of(Session& session, store::Table table);

}  // namespace slipway::cli

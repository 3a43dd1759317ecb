#pragma once

#include <optional>
#include <string_view>

#include "api/reason.h"

namespace slipway::runtime {

/// Whose doing an engine's refusal is. The status says it where it can; of several causes under one status
/// the words tell. This is the only place that reads them: they change between engines, so what is not known
/// here stays the platform's, and is tried again.
///
/// CommandInvalid, NotEnforceable, NodeStorageFull, or none.
std::optional<Reason> refusal_of_create(int status, std::string_view words);

/// Of a container that has never run, by State.ExitCode and State.Error: CommandInvalid, ImageNotAllowed,
/// NodeStorageFull, or none.
std::optional<Reason> refusal_of_start(long exit_code, std::string_view words);

/// It gave up a start since its client was gone.
bool says_cancelled(std::string_view words);

/// The OCI runtime itself has said that it made no container: no process of it can have been.
bool says_never_made(std::string_view words);

}  // namespace slipway::runtime

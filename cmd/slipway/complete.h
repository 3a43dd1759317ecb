#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cmd/slipway/session.h"

namespace slipway::cli {

/// `slipway __complete WORD…`, which the shells' scripts call: what the last word, which may be empty, can
/// become. A candidate a line, a tab and what it is about behind it; the single line ":files" leaves it to
/// the shell. Verbs and flags are those of `app`, names are asked from the database; without one there are
/// none.
int complete(const CLI::App& app, Session& session, const std::vector<std::string>& words);

/// The script for this shell: bash, zsh or fish; empty for another.
std::string_view completion_script(std::string_view shell);

}  // namespace slipway::cli

#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "store/catalog.h"

namespace slipway::cli {

/// "agents", "agent", "Agent" → Table::Agents. Usage error (exit code 2) with the nearest name otherwise.
store::Table table_from(const std::string& name);

}  // namespace slipway::cli

#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "store/catalog.h"

namespace slipway::cli {

/// What `api-resources` tells of a kind, and what every command understands by its names.
struct Resource {
  store::Table table;
  const char* kind;  ///< "Agent"
  std::vector<std::string> short_names;
  bool labelled;  ///< -l can choose among its objects
  const char* verbs;
};
const std::vector<Resource>& resources();
const Resource& resource_of(store::Table table);

/// "agents", "agent", "Agent", "ag" → Table::Agents.
std::optional<store::Table> find_table(const std::string& name);
/// The same. Usage error (exit code 2) with the nearest name otherwise.
store::Table table_from(const std::string& name);

/// One object, or with an empty name all of a kind.
struct Target {
  store::Table table;
  std::string name;
};
/// The words behind a verb: KIND, KIND NAME…, or KIND/NAME…. Usage error for a mixture of the two forms.
std::vector<Target> targets_from(const std::vector<std::string>& words);

/// The words behind a verb that is about executions first: NAME…, KIND NAME… or KIND/NAME….
std::vector<Target> executions_or_targets(const std::vector<std::string>& words);

/// NAME or KIND/NAME, where only this kind makes sense.
std::string name_of_kind(store::Table table, const std::string& word);

}  // namespace slipway::cli

#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/output_format.h"

namespace slipway::cli {

struct Session;

/// Which objects `get` shows, and how, as its flags say.
struct Selection {
  std::vector<std::string> words;
  std::string output = "table";
  std::string user;
  std::string status;
  std::string agent;
  std::string selector;
  std::string sort_by;
  int limit = 0;  ///< 0: as many as are sensible
  bool watch = false;
  bool no_headers = false;

  void add_to(CLI::App& command);
};

/// The same, understood. Usage errors are thrown while it is made.
struct Wanted {
  explicit Wanted(const Selection& selection);

  store::Query query(const Target& target, bool full) const;
  bool at_limit(store::Table table, std::size_t rows) const;

  std::vector<Target> targets;
  OutputFormat format;
  std::vector<store::LabelTerm> labels;
  std::optional<Path> order;
  const Selection& flags;

 private:
  int limit_of(store::Table table, bool full) const;
};

/// Prints what is there, then a line for each change, until a signal ends it.
int watch_objects(Session& session, const Wanted& wanted);

}  // namespace slipway::cli

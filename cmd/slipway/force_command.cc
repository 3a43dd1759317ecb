// force-finish: an operator ends what a lost node cannot.
#include <CLI/CLI.hpp>

#include "cmd/slipway/commands.h"
#include "cmd/slipway/find.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

struct Force {
  std::string name;
  std::string reason;
};

int force_finish(Session& session, const Force& options) {
  const auto name = name_of_kind(store::Table::Executions, options.name);
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto id = find_execution(*catalog, name);
  if (!id) return fail(id.error());
  const auto done = catalog->force_finish(*id, options.reason);
  if (!done) return fail(done.error());
  return put("execution/" + printable(name) + " finished\n") ? 0 : 1;
}

}  // namespace

void add_force_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("force-finish", "End an execution that its node cannot end");
  auto options = std::make_shared<Force>();
  command->add_option("EXECUTION", options->name, "name or id")->required();
  command
      ->add_option("--reason", options->reason, "why, for other operators; users see that the node was lost")
      ->required();
  command->callback([&session, options] { session.exit_code = force_finish(session, *options); });
}

}  // namespace slipway::cli

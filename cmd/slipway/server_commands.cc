// migrate and version; doctor has a file of its own.
#include <CLI/CLI.hpp>

#include "cmd/slipway/commands.h"
#include "cmd/slipway/doctor.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"
#include "store/postgres/migrate.h"

namespace slipway::cli {
namespace {

int migrate(const Session& session) {
  const auto url = session.database_url();
  if (!url) return fail(url.error().message);
  const auto applied = store::postgres::migrate(*url);
  if (!applied && applied.error().error_class == ErrorClass::Retry)
    return fail(unreachable(*url, applied.error()));
  if (!applied) return fail(applied.error().message);
  for (const auto& name : *applied) put("migration/" + name + " applied\n");
  if (applied->empty())
    say("the schema is current (version " + std::to_string(store::postgres::spoken_version()) + ")");
  return 0;
}

}  // namespace

void add_server_commands(CLI::App& app, Session& session) {
  app.add_subcommand("migrate", "Bring the database's schema up to date")->callback([&session] {
    session.exit_code = migrate(session);
  });
  auto* doctor_command = app.add_subcommand("doctor", "Check what Slipway needs, one line each");
  auto socket = std::make_shared<std::string>();
  doctor_command->add_option("--engine-socket", *socket,
                             "default: DOCKER_HOST, rootless, or the usual socket");
  doctor_command->callback([&session, socket] { session.exit_code = doctor(session, *socket); });
  app.add_subcommand("version", "Print the version")->callback([] {
    put("slipway " SLIPWAY_VERSION " schema " + std::to_string(store::postgres::spoken_version()) + "\n");
  });
}

}  // namespace slipway::cli

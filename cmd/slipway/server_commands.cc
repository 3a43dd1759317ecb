// migrate, version, api-resources; doctor has a file of its own.
#include <CLI/CLI.hpp>

#include "cmd/slipway/commands.h"
#include "cmd/slipway/doctor.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/table.h"
#include "cmd/slipway/terminal.h"
#include "cmd/slipway/yaml_writer.h"
#include "store/postgres/migrate.h"

namespace slipway::cli {
namespace {

int migrate(const Session& session) {
  session.refuse_server("migrate", "it changes the database's schema; give --database-url");
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

int version(Session& session, const std::string& format) {
  const auto server = session.server_version();
  if (!server) return fail(server.error());
  const auto schema = store::postgres::spoken_version();
  if (format.empty())
    return put("slipway " SLIPWAY_VERSION " schema " + std::to_string(schema) +
               (server->empty() ? "" : ", server " + printable(*server)) + "\n")
               ? 0
               : 1;
  nlohmann::json document = {
      {"clientVersion", {{"version", SLIPWAY_VERSION}, {"apiVersion", kApiVersion}, {"schema", schema}}}};
  if (!server->empty()) document["serverVersion"] = {{"version", *server}};
  return put(format == "yaml" ? write_yaml(document) : document.dump(2) + "\n") ? 0 : 1;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

struct Listing {
  std::string output;
  bool no_headers = false;
};

int api_resources(const Listing& listing) {
  std::string names;
  std::vector<Cells> rows;
  Cells headings = {"NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"};
  if (listing.output == "wide") headings.emplace_back("VERBS");
  for (const auto& row : resources()) {
    names += std::string(to_string(row.table)) + "\n";
    rows.push_back({std::string(to_string(row.table)), joined(row.short_names), std::string(kApiVersion),
                    "false", row.kind});
    if (listing.output == "wide") rows.back().emplace_back(row.verbs);
  }
  if (listing.output == "name") return put(names) ? 0 : 1;
  return put(TablePrinter(headings).render(rows, !listing.no_headers)) ? 0 : 1;
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
  doctor_command->callback([&session, socket] {
    session.refuse_server("doctor", "it looks at this machine and the database; give --database-url");
    session.exit_code = doctor(session, *socket);
  });
  auto* version_command = app.add_subcommand("version", "Print the version");
  auto format = std::make_shared<std::string>();
  version_command->add_option("-o,--output", *format, "json or yaml")->check(CLI::IsMember({"json", "yaml"}));
  version_command->callback([&session, format] { session.exit_code = version(session, *format); });
  auto* listing_command = app.add_subcommand("api-resources", "List the kinds and their short names");
  auto listing = std::make_shared<Listing>();
  listing_command->add_option("-o,--output", listing->output, "wide or name")
      ->check(CLI::IsMember({"wide", "name"}));
  listing_command->add_flag("--no-headers", listing->no_headers, "rows alone");
  listing_command->callback([&session, listing] { session.exit_code = api_resources(*listing); });
}

}  // namespace slipway::cli

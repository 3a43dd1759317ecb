// The command line: `slipway --help`. Data goes to stdout, everything else to stderr; 0 done, 1 error, 2
// usage.
#include <CLI/CLI.hpp>
#include <csignal>

#include "cmd/slipway/commands.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace {

constexpr int kUsageError = 2;

void describe_app(CLI::App& app, slipway::cli::Session& session) {
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--database-url", session.database_flag,
                 "PostgreSQL, as a URL or key=value text (env SLIPWAY_DATABASE_URL)");
  app.add_option("--config", session.config_file,
                 "where database.url is read when neither flag nor environment names it");
  slipway::cli::add_dev_command(app, session);
  slipway::cli::add_write_commands(app, session);
  slipway::cli::add_show_commands(app, session);
  slipway::cli::add_why_command(app, session);
  slipway::cli::add_explain_command(app, session);
  slipway::cli::add_run_commands(app, session);
  slipway::cli::add_node_commands(app, session);
  slipway::cli::add_server_commands(app, session);
  slipway::cli::add_token_commands(app, session);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of the write, not a death without a word
  CLI::App app{"Slipway runs untrusted jobs in locked-down containers and brings each to a recorded end.",
               "slipway"};
  slipway::cli::Session session;
  try {
    describe_app(app, session);
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    slipway::cli::fail(std::string(error.what()));
    slipway::cli::say("`slipway --help`, or `slipway COMMAND --help`, shows what is understood");
    return kUsageError;
  } catch (const std::exception& error) {
    return slipway::cli::fail(std::string("unexpected: ") + error.what());
  }
  return session.exit_code;
}

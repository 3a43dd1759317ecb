// The command line: `slipway --help`. Data goes to stdout, everything else to stderr; 0 done, 1 error, 2
// usage.
#include <CLI/CLI.hpp>
#include <csignal>

#include "api/fields.h"
#include "cmd/slipway/commands.h"
#include "cmd/slipway/complete.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace {

constexpr int kUsageError = 2;

void describe_app(CLI::App& app, slipway::cli::Session& session) {
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--database-url", session.database_flag,
                 "PostgreSQL, as a URL or key=value text (env SLIPWAY_DATABASE_URL)");
  app.add_option("--server", session.server_flag,
                 "a slipwayd's http:// or https:// URL, instead of the database (env SLIPWAY_SERVER)");
  app.add_option("--token", session.token_flag, "who asks the server (env SLIPWAY_TOKEN)");
  app.add_option("--token-file", session.token_file, "the file the token stands in");
  app.add_option("--request-timeout", session.request_timeout, "how long the server may take to answer")
      ->capture_default_str();
  app.add_option("--certificate-authority", session.certificate_authority,
                 "PEM file of whom to trust for https; default: the system's (env "
                 "SLIPWAY_CERTIFICATE_AUTHORITY)");
  app.add_option("--config", session.config_file,
                 "where database.url is read when neither flag nor environment names it");
  using Adder = void (*)(CLI::App&, slipway::cli::Session&);
  for (const Adder add :
       {slipway::cli::add_dev_command, slipway::cli::add_write_commands, slipway::cli::add_cancel_command,
        slipway::cli::add_delete_command, slipway::cli::add_diff_command, slipway::cli::add_get_command,
        slipway::cli::add_show_commands, slipway::cli::add_why_command, slipway::cli::add_explain_command,
        slipway::cli::add_run_command, slipway::cli::add_logs_command, slipway::cli::add_wait_command,
        slipway::cli::add_force_command, slipway::cli::add_node_commands, slipway::cli::add_server_commands,
        slipway::cli::add_token_commands, slipway::cli::add_completion_command}) {
    add(app, session);
  }
}

// Of all that was not understood the first word, where it stands for a command or a flag, with the nearest of
// those that it could be; empty: nothing better can be said than the parser says.
std::string unknown_word(const CLI::App& app) {
  const auto left = app.remaining(true);
  if (left.empty()) return "";
  const auto* at = &app;
  std::vector<std::string> flags, commands;
  for (;; at = at->get_subcommands().front()) {
    for (const auto* option : at->get_options())
      for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
    if (at->get_subcommands().empty()) break;
  }
  for (const auto* command : at->get_subcommands([](const CLI::App*) { return true; }))
    commands.push_back(command->get_name());
  const auto word = left.front().substr(0, left.front().find('='));
  const bool flag = word.starts_with("--");
  for (const auto* kubectls : {"-n", "-A", "--namespace", "--all-namespaces"}) {
    if (word == kubectls)
      return "unknown flag " + slipway::describe(word) +
             ": there are no namespaces; `get` lists all users, or one with --user";
  }
  if (!flag && (word.starts_with("-") || commands.empty())) return "";
  const auto meant = slipway::nearest(word, flag ? flags : commands);
  return std::string("unknown ") + (flag ? "flag " : "command ") + slipway::describe(word) +
         (meant ? "; did you mean \"" + *meant + "\"?" : "");
}

// `-o=json` means `-o json`, as it does to kubectl. The parser wants its words last first.
std::vector<std::string> arguments(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = argc - 1; i > 0; --i) {
    const std::string_view word = argv[i];
    const bool joined = word.size() > 2 && word[0] == '-' && word[1] != '-' && word[2] == '=';
    words.emplace_back(joined ? word.substr(3) : word);
    if (joined) words.emplace_back(word.substr(0, 2));
  }
  return words;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of the write, not a death without a word
  CLI::App app{"Slipway runs untrusted jobs in locked-down containers and brings each to a recorded end.",
               "slipway"};
  slipway::cli::Session session;
  try {
    describe_app(app, session);
    if (argc > 1 && std::string_view(argv[1]) == "__complete")
      return slipway::cli::complete(app, session, {argv + 2, argv + argc});
    app.parse(arguments(argc, argv));
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    const auto unknown = unknown_word(app);
    slipway::cli::fail(unknown.empty() ? std::string(error.what()) : unknown);
    slipway::cli::say("`slipway --help`, or `slipway COMMAND --help`, shows what is understood");
    return kUsageError;
  } catch (const std::exception& error) {
    return slipway::cli::fail(std::string("unexpected: ") + error.what());
  }
  return session.exit_code;
}

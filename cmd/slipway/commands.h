#pragma once

#include <string>

namespace CLI {
class App;
}

namespace slipway::cli {

struct Session;

/// Each adds its subcommands; a chosen one leaves its exit code in the session.
void add_write_commands(CLI::App& app, Session& session);  // apply, create, delete, cancel, grant
void add_show_commands(CLI::App& app, Session& session);   // get, describe, output
void add_why_command(CLI::App& app, Session& session);
void add_explain_command(CLI::App& app, Session& session);
void add_run_commands(CLI::App& app, Session& session);     // run, logs, wait
void add_node_commands(CLI::App& app, Session& session);    // cordon, uncordon, drain
void add_server_commands(CLI::App& app, Session& session);  // migrate, doctor, version
void add_token_commands(CLI::App& app, Session& session);   // token create, list, revoke
void add_dev_command(CLI::App& app, Session& session);      // dev

}  // namespace slipway::cli

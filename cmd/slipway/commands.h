#pragma once

#include <string>

namespace CLI {
class App;
}

namespace slipway::cli {

struct Session;

/// Each adds its subcommands; a chosen one leaves its exit code in the session.
void add_write_commands(CLI::App& app, Session& session);  // apply, create, grant
void add_cancel_command(CLI::App& app, Session& session);
void add_delete_command(CLI::App& app, Session& session);
void add_diff_command(CLI::App& app, Session& session);
void add_get_command(CLI::App& app, Session& session);
void add_show_commands(CLI::App& app, Session& session);  // describe, output
void add_why_command(CLI::App& app, Session& session);
void add_explain_command(CLI::App& app, Session& session);
void add_run_command(CLI::App& app, Session& session);
void add_logs_command(CLI::App& app, Session& session);
void add_wait_command(CLI::App& app, Session& session);
void add_force_command(CLI::App& app, Session& session);
void add_node_commands(CLI::App& app, Session& session);    // cordon, uncordon, drain
void add_server_commands(CLI::App& app, Session& session);  // migrate, doctor, version, api-resources
void add_token_commands(CLI::App& app, Session& session);   // token create, list, revoke
void add_completion_command(CLI::App& app, Session& session);
void add_dev_command(CLI::App& app, Session& session);  // dev

}  // namespace slipway::cli

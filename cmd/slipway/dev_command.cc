// dev: everything at once, for trying Slipway out.
#include <CLI/CLI.hpp>
#include <chrono>

#include "api/fields.h"
#include "cmd/slipway/commands.h"
#include "cmd/slipway/dev.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

// The first line says what happened; a child's last lines follow as they are.
int report(const Error& error) {
  const auto end = error.message.find('\n');
  fail(error.message.substr(0, end));
  if (end != std::string::npos) say(printable(error.message.substr(end + 1), true));
  return 1;
}

int dev(const Session& session, DevOptions options) {
  if (!is_dns_label(options.node_name))
    throw CLI::ValidationError("--node-name", "expected a name of a-z, 0-9 and -");
  // A configured database is used; none at all is the embedded default.
  if (const auto url = session.database_url(); url) options.database_url = *url;
  if (!session.server_flag.empty()) session.refuse_server("dev", "it starts a server of its own");
  StopSignals signals;
  DevEnvironment environment(std::move(options));
  const auto began = std::chrono::steady_clock::now();
  say("starting…");
  const auto started = environment.start(signals);
  if (!started) {
    environment.stop();
    return report(started.error());
  }
  if (const auto written = environment.write_info_file(); !written) {
    environment.stop();
    return report(written.error());
  }
  put(environment.summary());
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  say("ready after " + std::to_string(took).substr(0, 4) + " s");
  const auto ended = environment.watch(signals);
  if (ended) say("stopping…");
  environment.stop();
  return ended ? 0 : report(ended.error());
}

}  // namespace

void add_dev_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("dev", "Start database, engine and controller for trying things out");
  auto options = std::make_shared<DevOptions>();
  command->add_option("--data-dir", options->data_dir,
                      "keep the data here; without it everything is ephemeral");
  command->add_option("--engine", options->engine, "auto, private, or the path of an engine's socket");
  command->add_option("--engine-io", options->engine_io, "auto, mount or volume")
      ->check(CLI::IsMember({"auto", "mount", "volume"}));
  command->add_option("--http-port", options->http_port, "on 127.0.0.1; default 8320 or a free one")
      ->check(CLI::Range(1, 65535));
  command->add_option("--node-name", options->node_name, "name of the node");
  command->add_option("--info-file", options->info_file,
                      "write addresses and process id here, as JSON, once it is ready");
  command->callback([&session, options] { session.exit_code = dev(session, *options); });
}

}  // namespace slipway::cli

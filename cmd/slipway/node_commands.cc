// cordon, uncordon, drain: the operator's wishes for a node.
#include <CLI/CLI.hpp>

#include "api/quantity.h"
#include "cmd/slipway/commands.h"
#include "cmd/slipway/find.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

using store::NodeWish;

int wish(Session& session, const std::string& node, NodeWish wanted, const char* done) {
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  if (const auto written = catalog->wish(node, wanted); !written)
    return fail(with_suggestion(*catalog, store::Table::Nodes, node, written.error()));
  put("node/" + printable(node) + " " + done + "\n");
  return 0;
}

std::string node_from(const std::string& word) { return name_of_kind(store::Table::Nodes, word); }

int drain(Session& session, const std::string& node, const std::string& patience) {
  const auto timeout = parse_duration(patience);
  if (!timeout)
    throw CLI::ValidationError("--timeout", timeout.error().message + ", got \"" + patience + "\"");
  if (const int code = wish(session, node, NodeWish::Drain, "draining"); code != 0) return code;
  std::optional<Error> error;
  session.tell("waiting until node/" + node + " runs nothing");
  const bool empty = poll_until(*timeout, [&] {
    const auto rows = session.catalog()->list({store::Table::Nodes, node});
    if (!rows) error = rows.error();
    return !rows || rows->front()["status"].value("running", 0) == 0;
  });
  if (error) return fail(*error);
  if (!empty)
    return fail("node/" + node + " still runs executions after " + patience + "; it goes on draining");
  return put("node/" + printable(node) + " drained\n") ? 0 : 1;
}

}  // namespace

void add_node_commands(CLI::App& app, Session& session) {
  struct Row {
    const char* name;
    const char* help;
    NodeWish wanted;
    const char* done;
  };
  for (const auto& row : {Row{"cordon", "Let a node claim nothing new", NodeWish::Cordon, "cordoned"},
                          Row{"uncordon", "Let a node claim again", NodeWish::Uncordon, "uncordoned"}}) {
    auto* command = app.add_subcommand(row.name, row.help);
    auto node = std::make_shared<std::string>();
    command->add_option("NODE", *node)->required();
    command->callback(
        [&session, node, row] { session.exit_code = wish(session, node_from(*node), row.wanted, row.done); });
  }
  auto* command = app.add_subcommand("drain", "Stop what runs on a node, and wait until nothing does");
  auto node = std::make_shared<std::string>();
  auto timeout = std::make_shared<std::string>("5m");
  command->add_option("NODE", *node)->required();
  command->add_option("--timeout", *timeout, "how long to wait, such as 5m");
  command->callback(
      [&session, node, timeout] { session.exit_code = drain(session, node_from(*node), *timeout); });
}

}  // namespace slipway::cli

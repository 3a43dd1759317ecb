// cancel: asks an execution to stop, and waits for that if it is told to.
#include <CLI/CLI.hpp>

#include "api/quantity.h"
#include "cmd/slipway/commands.h"
#include "cmd/slipway/end_words.h"
#include "cmd/slipway/find.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

struct Cancellation {
  std::string name;
  bool wait = false;
  std::string timeout = "60s";
};

int wait_for_end(Session& session, const ExecutionId& id, const std::string& title,
                 const Cancellation& options) {
  auto& catalog = *session.catalog();
  Outage outage;
  std::optional<Error> error;
  std::optional<store::Standing> end;
  session.tell("waiting for the end of " + title);
  poll_until(*parse_duration(options.timeout), [&] {
    const auto standing = catalog.standing(id);
    if (!standing && !outage.bears(standing.error())) error = standing.error();
    if (standing) outage.over();
    if (standing && is_final(standing->status)) end = *standing;
    return end || error;
  });
  session.tell("");
  if (error) return fail(*error);
  if (end) return put(printable(title + " " + end_words(*end)) + "\n") ? 0 : 1;
  return fail(title + " has not ended after " + options.timeout +
              "; it stays asked to stop (is a slipwayd running?)");
}

int cancel(Session& session, const Cancellation& options) {
  const auto timeout = parse_duration(options.timeout);
  if (!timeout)
    throw CLI::ValidationError("--timeout", timeout.error().message + ", got \"" + options.timeout + "\"");
  const auto name = name_of_kind(store::Table::Executions, options.name);
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto id = find_execution(*catalog, name);
  if (!id) return fail(id.error());
  const auto asked = catalog->cancel(*id);
  if (!asked) return fail(asked.error());
  const auto title = "execution/" + name;
  const auto* what = *asked ? " cancellation requested\n" : " cancellation was requested before\n";
  if (!put(printable(title) + what)) return 1;
  return options.wait ? wait_for_end(session, *id, title, options) : 0;
}

}  // namespace

void add_cancel_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("cancel", "Ask an execution to stop");
  auto options = std::make_shared<Cancellation>();
  command->add_option("EXECUTION", options->name, "name or id")->required();
  command->add_flag("--wait", options->wait, "until it has ended, and say how");
  command->add_option("--timeout", options->timeout, "how long to wait, such as 60s");
  command->callback([&session, options] { session.exit_code = cancel(session, *options); });
}

}  // namespace slipway::cli

// logs: what an execution wrote.
#include <CLI/CLI.hpp>

#include "api/quantity.h"
#include "cmd/slipway/commands.h"
#include "cmd/slipway/find.h"
#include "cmd/slipway/follow.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

struct Logs {
  std::vector<std::string> words;
  bool follow = false;
  long tail = -1;
  std::string since;
  bool timestamps = false;
};

Result<LogPrinter::Options> printing(store::CommandCatalog& catalog, const Logs& options) {
  LogPrinter::Options printing;
  if (options.tail >= 0) printing.tail = static_cast<std::size_t>(options.tail);
  printing.timestamps = options.timestamps;
  if (options.since.empty()) return printing;
  const auto now = catalog.now();
  if (!now) return now.error();
  printing.since = *now - *parse_duration(options.since);
  return printing;
}

std::string one_execution(const std::vector<std::string>& words) {
  const auto targets = executions_or_targets(words);
  if (targets.size() != 1 || targets.front().table != store::Table::Executions)
    throw CLI::ValidationError("EXECUTION", "expected the name or id of one execution; only those have logs");
  return targets.front().name;
}

int logs(Session& session, const Logs& options) {
  const auto name = one_execution(options.words);
  if (!options.since.empty() && !parse_duration(options.since))
    throw CLI::ValidationError("--since", "expected a duration such as 5m, got \"" + options.since + "\"");
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto id = find_execution(*catalog, name);
  if (!id) return fail(id.error());
  const auto how = printing(*catalog, options);
  if (!how) return fail(how.error());
  LogPrinter printer(stdout, *how);
  if (options.follow) {
    const auto end = follow(session, *id, printer);
    return end ? 0 : fail(end.error());
  }
  store::LogCursor cursor;
  const auto read = read_logs(*catalog, *id, cursor, printer);
  if (!read) return fail(read.error());
  return printer.finish() ? 0 : 1;
}

}  // namespace

void add_logs_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("logs", "Print what an execution wrote");
  auto options = std::make_shared<Logs>();
  command->add_option("EXECUTION", options->words, "name or id")->required();
  command->add_flag("-f,--follow", options->follow, "until it has finished");
  command->add_option("--tail", options->tail, "of what is there, the last so many lines; -1: all")
      ->check(CLI::Range(-1L, 100'000'000L));
  command->add_option("--since", options->since, "nothing older than this, such as 5m");
  command->add_flag("--timestamps", options->timestamps, "each line behind the time it was written");
  command->callback([&session, options] { session.exit_code = logs(session, *options); });
}

}  // namespace slipway::cli

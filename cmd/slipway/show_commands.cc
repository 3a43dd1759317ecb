// describe, output: everything about one object, and the result of an execution.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "cmd/slipway/commands.h"
#include "cmd/slipway/end_words.h"
#include "cmd/slipway/files.h"
#include "cmd/slipway/find.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/table.h"
#include "cmd/slipway/terminal.h"
#include "cmd/slipway/yaml_writer.h"

namespace slipway::cli {
namespace {

using nlohmann::json;
using store::Table;

std::string render_events(const std::vector<json>& events, TimePoint now) {
  if (events.empty()) return "Events:   <none>\n";
  std::vector<Cells> rows;
  for (const auto& event : events) {
    rows.push_back({age(event["at"], now), event.value("stage", ""), event.value("reason", ""),
                    std::to_string(event.value("attempt", 0)),
                    event["node"].is_string() ? event["node"].get<std::string>() : "",
                    event.value("message", "")});
  }
  return "Events:\n" + render_table({"AGE", "STAGE", "REASON", "ATTEMPT", "NODE", "MESSAGE"}, rows);
}

// What of an end no field of the document says by itself.
std::string ended(const store::Standing& standing) {
  return is_final(standing.status) ? "Ended:    " + end_words(standing) + "\n" : "";
}

Result<std::string> describe(store::CommandCatalog& catalog, const Target& target) {
  std::string key = target.name;
  std::string end;
  std::vector<json> events;
  if (target.table == Table::Executions) {
    const auto id = find_execution(catalog, target.name);
    if (!id) return id.error();
    key = *id;
    const auto found = catalog.events(key);
    if (!found) return found.error();
    events = *found;
    const auto standing = catalog.standing(key);
    if (!standing) return standing.error();
    end = for_stream(ended(*standing), STDOUT_FILENO);
  }
  store::Query query{target.table, key};
  query.full = true;
  const auto documents = catalog.list(query);
  if (!documents) return with_suggestion(catalog, target.table, key, documents.error());
  const auto now = catalog.now();
  if (!now) return now.error();
  std::string out;
  for (const auto& document : *documents) out += for_stream(write_yaml(document), STDOUT_FILENO);
  return out + end + render_events(events, *now);
}

int describe_all(Session& session, const std::vector<std::string>& words) {
  auto targets = targets_from(words);
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  if (targets.front().name.empty()) {
    const auto all = catalog->list({targets.front().table});
    if (!all) return fail(all.error());
    const auto table = targets.front().table;
    targets.clear();
    for (const auto& document : *all)
      targets.push_back({table, document.value("/metadata/uid"_json_pointer, name_of(document))});
  }
  int code = 0;
  const char* between = "";
  for (const auto& target : targets) {
    const auto text = describe(*catalog, target);
    if (!text) {
      code = fail(text.error());
      continue;
    }
    if (!put(between + *text)) return 1;
    between = "\n\n";
  }
  return code;
}

struct Output {
  std::string name;
  std::string file;
};

int output(Session& session, const Output& options) {
  const auto name = name_of_kind(Table::Executions, options.name);
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto id = find_execution(*catalog, name);
  if (!id) return fail(id.error());
  const auto result = catalog->output(*id);
  if (!result) return fail(result.error());
  if (!result->has_value()) {
    const auto standing = catalog->standing(*id);
    if (!standing) return fail(standing.error());
    const auto stands = is_final(standing->status)
                            ? end_words(*standing) + ": " + standing->message
                            : std::string(to_string(standing->status)) + " (" +
                                  std::string(to_string(standing->reason)) + ": " + standing->message + ")";
    return fail(title_of(*standing) + " has no output: it is " + stands);
  }
  if (options.file.empty()) return put(for_stream(**result, STDOUT_FILENO) + "\n") ? 0 : 1;
  const auto written = write_file(options.file, **result);
  return written ? 0 : fail(written.error());
}

}  // namespace

void add_show_commands(CLI::App& app, Session& session) {
  auto* describe_command = app.add_subcommand("describe", "Show everything about objects, and their events");
  auto words = std::make_shared<std::vector<std::string>>();
  describe_command->add_option("KIND", *words, "KIND NAME…, KIND/NAME…, or KIND for all of them")->required();
  describe_command->callback([&session, words] { session.exit_code = describe_all(session, *words); });

  auto* output_command = app.add_subcommand("output", "Print the result of a completed execution");
  auto options = std::make_shared<Output>();
  output_command->add_option("EXECUTION", options->name, "name or id")->required();
  output_command->add_option("-o,--output", options->file, "write it into this file, byte for byte");
  output_command->callback([&session, options] { session.exit_code = output(session, *options); });
}

}  // namespace slipway::cli

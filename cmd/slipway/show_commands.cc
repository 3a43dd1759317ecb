// get, describe, output: what only reads.
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "cmd/slipway/commands.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/table.h"
#include "cmd/slipway/terminal.h"
#include "cmd/slipway/yaml_writer.h"

namespace slipway::cli {
namespace {

using nlohmann::json;
using store::Table;

struct Get {
  std::string kind;
  std::string name;
  std::string output = "table";
  std::string user;
  std::string status;
  int limit = 0;
};

constexpr int kMostRows = 500;
// Documents in full carry up to a megabyte of input and as much output each.
constexpr int kMostDocuments = 100;

std::string render_names(Table table, const std::vector<json>& documents) {
  std::string out;
  for (const auto& document : documents) {
    out += std::string(store::singular_of(table)) + "/" + printable(name_of(document)) + "\n";
  }
  return out;
}

std::string render_yaml(const std::vector<json>& documents) {
  std::string out;
  for (const auto& document : documents) out += (out.empty() ? "" : "---\n") + write_yaml(document);
  return for_stream(out, STDOUT_FILENO);
}

std::string render_json(const std::vector<json>& documents, bool single) {
  const json list = single ? documents.front() : json::object({{"items", documents}});
  return for_stream(list.dump(2, ' ', false, json::error_handler_t::replace) + "\n", STDOUT_FILENO);
}

int get(Session& session, const Get& options) {
  const auto table = table_from(options.kind);
  const bool full = options.output == "yaml" || options.output == "json";
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  store::Query query{table, options.name, options.user, options.status, options.limit, full};
  const bool by_default = query.limit == 0;
  if (by_default) query.limit = full && table == Table::Executions ? kMostDocuments : kMostRows;
  const auto documents = catalog->list(query);
  if (!documents) return fail(documents.error());
  const auto now = catalog->now();
  if (!now) return fail(now.error());
  if (options.output == "name") return put(render_names(table, *documents)) ? 0 : 1;
  if (options.output == "yaml") return put(render_yaml(*documents)) ? 0 : 1;
  if (options.output == "json")
    return put(render_json(*documents, !options.name.empty() && documents->size() == 1)) ? 0 : 1;
  if (documents->empty()) return say("no " + std::string(to_string(table)) + " found"), 0;
  if (by_default && static_cast<int>(documents->size()) == query.limit) {
    say("the first " + std::to_string(query.limit) + " are shown; --limit shows more");
  }
  return put(render_documents(table, *documents, options.output == "wide", *now)) ? 0 : 1;
}

std::string render_events(const std::vector<json>& events, TimePoint now) {
  if (events.empty()) return "Events:   <none>\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& event : events) {
    rows.push_back({age(event["at"], now), event.value("stage", ""), event.value("reason", ""),
                    std::to_string(event.value("attempt", 0)),
                    event["node"].is_string() ? event["node"].get<std::string>() : "",
                    event.value("message", "")});
  }
  return "Events:\n" + render_table({"AGE", "STAGE", "REASON", "ATTEMPT", "NODE", "MESSAGE"}, rows);
}

int describe(Session& session, const std::string& kind, const std::string& name) {
  const auto table = table_from(kind);
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  std::string key = name;
  std::vector<json> events;
  if (table == Table::Executions) {
    const auto id = catalog->find_execution(name);
    if (!id) return fail(id.error());
    key = *id;
    const auto found = catalog->events(key);
    if (!found) return fail(found.error());
    events = *found;
  }
  const auto documents = catalog->list({table, key, "", "", 1, true});
  if (!documents) return fail(documents.error());
  const auto now = catalog->now();
  if (!now) return fail(now.error());
  return put(for_stream(write_yaml(documents->front()), STDOUT_FILENO) + render_events(events, *now)) ? 0 : 1;
}

int output(Session& session, const std::string& name) {
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  const auto id = catalog->find_execution(name);
  if (!id) return fail(id.error());
  const auto result = catalog->output(*id);
  if (!result) return fail(result.error());
  if (result->has_value()) return put(for_stream(**result, STDOUT_FILENO) + "\n") ? 0 : 1;
  const auto standing = catalog->standing(*id);
  if (!standing) return fail(standing.error());
  return fail("execution/" + name + " has no output: it is " + std::string(to_string(standing->status)) +
              " (" + std::string(to_string(standing->reason)) + ": " + standing->message + ")");
}

}  // namespace

void add_show_commands(CLI::App& app, Session& session) {
  auto* get_command = app.add_subcommand("get", "List objects, or show one");
  auto options = std::make_shared<Get>();
  get_command->add_option("KIND", options->kind, "agents, entitlements, quotas, executions or nodes")
      ->required();
  get_command->add_option("NAME", options->name, "name or id");
  get_command->add_option("-o,--output", options->output, "table, wide, json, yaml or name")
      ->check(CLI::IsMember({"table", "wide", "json", "yaml", "name"}));
  get_command->add_option("--user", options->user, "only this user's");
  get_command->add_option("--status", options->status, "only executions of this status")
      ->check(CLI::IsMember({"PENDING", "RUNNING", "COMPLETED", "FAILED", "TIMEOUT"}));
  get_command->add_option("--limit", options->limit, "at most so many")->check(CLI::Range(1, 100000));
  get_command->callback([&session, options] { session.exit_code = get(session, *options); });

  auto* describe_command = app.add_subcommand("describe", "Show everything about one object, and its events");
  auto target = std::make_shared<std::pair<std::string, std::string>>();
  describe_command->add_option("KIND", target->first)->required();
  describe_command->add_option("NAME", target->second, "name or id")->required();
  describe_command->callback(
      [&session, target] { session.exit_code = describe(session, target->first, target->second); });

  auto* output_command = app.add_subcommand("output", "Print the result of a completed execution");
  auto name = std::make_shared<std::string>();
  output_command->add_option("EXECUTION", *name, "name or id")->required();
  output_command->callback([&session, name] { session.exit_code = output(session, *name); });
}

}  // namespace slipway::cli

// diff: what `apply` would change, and nothing of what the controller writes.
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "api/granted.h"
#include "cmd/slipway/commands.h"
#include "cmd/slipway/documents.h"
#include "cmd/slipway/files.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"
#include "cmd/slipway/text_diff.h"
#include "cmd/slipway/words.h"
#include "cmd/slipway/yaml_writer.h"

namespace slipway::cli {
namespace {

// As of diff itself: 1 says that there are differences, so trouble is more.
constexpr int kTrouble = 2;

int trouble(const Error& error) { return fail(error), kTrouble; }

// As apply would write it: what an Execution asks for beyond what its agent allows, it does not get.
Object granted(store::CommandCatalog& catalog, Object object, const nlohmann::json& live) {
  auto* request = std::get_if<ExecutionSpec>(&object.spec);
  if (request == nullptr) return object;
  const Asked asked{request->timeout, request->retry_limit};
  const auto agents = catalog.list({store::Table::Agents, request->agent});
  const auto held_to = live.value("/status/agentRevision"_json_pointer, 0);
  if (!agents || agents->front().value("/metadata/revision"_json_pointer, -1) != held_to) return object;
  const auto agent = parse_agent_spec(agents->front()["spec"]).spec;
  if (asked.timeout) request->timeout = granted_timeout(asked, agent);
  if (asked.retry_limit) request->retry_limit = granted_retries(asked, agent);
  return object;
}

// What an Execution's document leaves out is as the row has it: the first decision fills in the agent's.
void leave_out(nlohmann::json& live, const Object& object) {
  if (!std::holds_alternative<ExecutionSpec>(object.spec)) return;
  const auto document = document_of(object);
  for (const auto* field :
       {"timeout", "notBefore", "startDeadline", "retryLimit", "ttlAfterFinished", "traceparent"})
    if (!document.at("spec").contains(field)) live["spec"].erase(field);
}

// The document that stands there now, as YAML, empty where none does; and the one that apply would make of
// it.
struct Sides {
  std::string live;
  std::string applied;
};

Result<Sides> sides_of(store::CommandCatalog& catalog, const Object& object) {
  store::Query query{table_from(std::string(singular_of(object.kind()))), object.name};
  query.full = true;
  query.limit = 1;
  if (const auto* execution = std::get_if<ExecutionSpec>(&object.spec)) query.user = execution->user;
  const auto found = catalog.list(query);
  if (!found && found.error().error_class == ErrorClass::NotFound)
    return Sides{"", write_yaml(document_of(object))};
  if (!found) return found.error();
  const auto applied = write_yaml(document_of(granted(catalog, object, found->front())));
  auto own = own_fields(found->front());
  // A spec that another binary, or SQL, has written and this one would not accept is shown as it stands.
  if (own) return leave_out(*own, object), Sides{write_yaml(*own), applied};
  auto raw = found->front();
  raw.erase("status");
  return Sides{write_yaml(raw), applied};
}

std::string colored_diff(const std::string& diff) {
  std::string out;
  for (const auto& line : lines_of(diff)) {
    const auto text = for_stream(line, STDOUT_FILENO);
    out += (line.starts_with('+')   ? green(text, STDOUT_FILENO)
            : line.starts_with('-') ? red(text, STDOUT_FILENO)
                                    : text) +
           "\n";
  }
  return out;
}

int diff(Session& session, const std::vector<std::string>& files) {
  const auto loaded = load_named_objects(files, "diff");
  if (!loaded.errors.empty()) return report(loaded.errors), kTrouble;
  auto* catalog = session.catalog();
  if (catalog == nullptr) return kTrouble;
  int code = 0;
  for (const auto& object : loaded.objects) {
    const auto sides = sides_of(*catalog, object);
    if (!sides) return trouble(sides.error());
    const auto hunks = unified_diff(lines_of(sides->live), lines_of(sides->applied));
    if (hunks.empty()) continue;
    const auto title = std::string(singular_of(object.kind())) + "/" + key_of(object);
    const auto heading = "--- live/" + title + "\n+++ " + object.file + ":" +
                         std::to_string(object.place.line) + "/" + title + "\n";
    if (!put(colored_diff(heading + hunks))) return kTrouble;
    code = 1;
  }
  return code;
}

}  // namespace

void add_diff_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand(
      "diff", "Show what apply would change; ends with 0: nothing, 1: something, more: an error");
  auto files = std::make_shared<std::vector<std::string>>();
  command->add_option("-f,--filename", *files, "file, directory, or - for standard input")
      ->required()
      ->allow_extra_args(false);
  command->callback([&session, files] { session.exit_code = diff(session, *files); });
}

}  // namespace slipway::cli

// diff: what `apply` would change, and nothing of what the controller writes.
#include <unistd.h>

#include <CLI/CLI.hpp>

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

// What an Execution's document leaves out is as the row has it: the first decision fills in the agent's.
void leave_out(nlohmann::json& live, const Object& object) {
  if (!std::holds_alternative<ExecutionSpec>(object.spec)) return;
  const auto document = document_of(object);
  for (const auto* field :
       {"timeout", "notBefore", "startDeadline", "retryLimit", "ttlAfterFinished", "traceparent"})
    if (!document.at("spec").contains(field)) live["spec"].erase(field);
}

// The document that stands there now, as YAML; empty: none does.
Result<std::string> live_document(store::CommandCatalog& catalog, const Object& object) {
  store::Query query{table_from(std::string(singular_of(object.kind()))), object.name};
  query.full = true;
  query.limit = 1;
  if (const auto* execution = std::get_if<ExecutionSpec>(&object.spec)) query.user = execution->user;
  const auto found = catalog.list(query);
  if (!found && found.error().error_class == ErrorClass::NotFound) return std::string();
  if (!found) return found.error();
  auto own = own_fields(found->front());
  // A spec that another binary, or SQL, has written and this one would not accept is shown as it stands.
  if (own) return leave_out(*own, object), write_yaml(*own);
  auto raw = found->front();
  raw.erase("status");
  return write_yaml(raw);
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
    const auto live = live_document(*catalog, object);
    if (!live) return trouble(live.error());
    const auto hunks = unified_diff(lines_of(*live), lines_of(write_yaml(document_of(object))));
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

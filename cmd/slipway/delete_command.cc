// delete: objects leave; an unfinished execution is cancelled and waited for first.
#include <CLI/CLI.hpp>

#include "api/quantity.h"
#include "cmd/slipway/commands.h"
#include "cmd/slipway/documents.h"
#include "cmd/slipway/files.h"
#include "cmd/slipway/find.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

using store::Table;
using store::table_of;

struct Deletion {
  std::vector<std::string> files;
  std::vector<std::string> words;
  std::string timeout = "60s";
  bool ignore_not_found = false;
};

struct Doomed {
  Target target;
  std::string user;  // of an execution out of a file: its name is unique per user only
};

Result<ExecutionId> find(store::CommandCatalog& catalog, const Doomed& doomed) {
  if (doomed.user.empty()) return find_execution(catalog, doomed.target.name);
  const auto rows = catalog.list({Table::Executions, doomed.target.name, doomed.user, "", 1});
  if (!rows) return with_suggestion(catalog, Table::Executions, doomed.target.name, rows.error());
  return rows->front()["metadata"].value("uid", "");
}

// An unfinished execution is asked to stop and waited for: its row leaves only when nothing of it is left on
// a node.
Result<void> converge(Session& session, const ExecutionId& id, const std::string& title,
                      const Deletion& how) {
  auto& catalog = *session.catalog();
  if (const auto asked = catalog.cancel(id); !asked && asked.error().error_class != ErrorClass::Conflict)
    return asked.error();
  session.tell("waiting until nothing is left of " + title);
  std::optional<Error> error;
  const bool done = poll_until(*parse_duration(how.timeout), [&] {
    const auto standing = catalog.standing(id);
    if (!standing) error = standing.error();
    return !standing || (is_final(standing->status) && standing->converged);
  });
  if (error) return *error;
  if (done) return {};
  return Error{ErrorClass::Conflict, title + " has not converged after " + how.timeout +
                                         "; it stays cancelled, try again later (is a slipwayd running?)"};
}

int remove(Session& session, const Doomed& doomed, const Deletion& how) {
  auto& catalog = *session.catalog();
  const auto [table, name] = doomed.target;
  const auto title = std::string(singular_of(table)) + "/" + name;
  const auto give_up = [&](const Error& error) {
    if (how.ignore_not_found && error.error_class == ErrorClass::NotFound) return 0;
    return fail(error);
  };
  std::string key = name;
  if (table == Table::Executions) {
    const auto id = find(catalog, doomed);
    if (!id) return give_up(id.error());
    key = *id;
    if (const auto done = converge(session, key, title, how); !done) return give_up(done.error());
  }
  if (const auto removed = catalog.remove(table, key); !removed)
    return give_up(with_suggestion(catalog, table, name, removed.error()));
  return put(printable(title) + " deleted\n") ? 0 : 1;
}

int remove_all(Session& session, const Deletion& deletion) {
  if (deletion.files.empty() == deletion.words.empty())
    throw CLI::ValidationError("delete", "give either -f or KIND NAME");
  const auto timeout = parse_duration(deletion.timeout);
  if (!timeout)
    throw CLI::ValidationError("--timeout", timeout.error().message + ", got \"" + deletion.timeout + "\"");
  std::vector<Doomed> all;
  if (!deletion.words.empty()) {
    for (const auto& target : targets_from(deletion.words)) all.push_back({target, ""});
    if (all.front().target.name.empty()) throw CLI::ValidationError("delete", "give the NAME to delete");
  } else {
    const auto loaded = load_named_objects(deletion.files, "delete");
    if (!loaded.errors.empty()) return report(loaded.errors);
    for (const auto& object : loaded.objects) {
      const auto* execution = std::get_if<ExecutionSpec>(&object.spec);
      all.push_back({{table_of(object.kind()), key_of(object)}, execution != nullptr ? execution->user : ""});
    }
  }
  if (session.catalog() == nullptr) return 1;
  int code = 0;
  for (const auto& doomed : all) code |= remove(session, doomed, deletion);
  return code;
}

}  // namespace

void add_delete_command(CLI::App& app, Session& session) {
  auto* command =
      app.add_subcommand("delete", "Remove objects; an unfinished execution is cancelled and waited for");
  auto deletion = std::make_shared<Deletion>();
  command->add_option("-f,--filename", deletion->files, "file, directory, or - for standard input")
      ->allow_extra_args(false);
  command->add_option("KIND", deletion->words, "KIND NAME… or KIND/NAME…");
  command->add_option("--timeout", deletion->timeout,
                      "how long to wait for an execution to converge, such as 60s");
  command->add_flag("--ignore-not-found", deletion->ignore_not_found, "what is not there is no error");
  command->callback([&session, deletion] { session.exit_code = remove_all(session, *deletion); });
}

}  // namespace slipway::cli

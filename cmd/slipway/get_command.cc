// get: lists objects, shows one, or watches them.
#include "cmd/slipway/commands.h"
#include "cmd/slipway/find.h"
#include "cmd/slipway/selection.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/table.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

using nlohmann::json;
using store::Table;

struct Group {
  Table table;
  std::vector<json> documents;
};

// All that is asked for, a group for each kind. What is not found is said and costs the exit code; the rest
// is shown all the same.
std::optional<std::vector<Group>> fetch(store::CommandCatalog& catalog, const Wanted& wanted, int& code) {
  std::vector<Group> groups;
  for (const auto& target : wanted.targets) {
    if (groups.empty() || groups.back().table != target.table) groups.push_back({target.table, {}});
    const auto found = catalog.list(wanted.query(target, wanted.format.shows_payload()));
    if (!found) code = fail(with_suggestion(catalog, target.table, target.name, found.error()));
    if (!found && found.error().error_class != ErrorClass::NotFound) return std::nullopt;
    auto& documents = groups.back().documents;
    if (found) documents.insert(documents.end(), found->begin(), found->end());
  }
  for (auto& group : groups) {
    if (wanted.order) sort_documents(*wanted.order, group.documents);
  }
  return groups;
}

int print_tables(const std::vector<Group>& groups, const Wanted& wanted, TimePoint now) {
  const bool wide = wanted.format.shape == OutputFormat::Shape::Wide;
  bool first = true;
  for (const auto& [table, documents] : groups) {
    const bool all = wanted.targets.front().name.empty();
    if (documents.empty() && all) say("no " + std::string(to_string(table)) + " found");
    if (documents.empty()) continue;
    std::vector<Cells> rows;
    for (const auto& document : documents) rows.push_back(row_of(table, document, wide, now));
    TablePrinter printer(headings_of(table, wide));
    if (!put((first ? "" : "\n") + printer.render(rows, !wanted.flags.no_headers))) return 1;
    first = false;
  }
  return 0;
}

int print(store::CommandCatalog& catalog, const std::vector<Group>& groups, const Wanted& wanted) {
  for (const auto& group : groups) {
    if (wanted.at_limit(group.table, group.documents.size()))
      say("the first " + std::to_string(group.documents.size()) + " are shown; --limit shows more");
  }
  if (wanted.format.is_table()) {
    const auto now = catalog.now();
    return now ? print_tables(groups, wanted, *now) : fail(now.error());
  }
  std::vector<json> all;
  for (const auto& group : groups) all.insert(all.end(), group.documents.begin(), group.documents.end());
  const bool named = wanted.targets.size() == 1 && !wanted.targets.front().name.empty();
  if (named && all.empty()) return 0;  // has been said
  return put(render_plain(wanted.format, all, named && all.size() == 1)) ? 0 : 1;
}

int get(Session& session, const Selection& selection) {
  const Wanted wanted(selection);
  if (selection.watch) return watch_objects(session, wanted);
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  int code = 0;
  const auto groups = fetch(*catalog, wanted, code);
  if (!groups) return 1;
  return print(*catalog, *groups, wanted) | code;
}

}  // namespace

void add_get_command(CLI::App& app, Session& session) {
  auto* command = app.add_subcommand("get", "List objects, or show some");
  auto selection = std::make_shared<Selection>();
  selection->add_to(*command);
  command->callback([&session, selection] { session.exit_code = get(session, *selection); });
}

}  // namespace slipway::cli

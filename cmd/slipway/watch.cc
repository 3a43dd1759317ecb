// get --watch: the objects as they are, then a line for each change, until a signal.
#include <map>
#include <set>

#include "cmd/slipway/selection.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/stop_signals.h"
#include "cmd/slipway/table.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

using nlohmann::json;
using store::Table;

constexpr auto kPause = std::chrono::milliseconds(400);

std::string key_of(const json& document) {
  return document.value("/metadata/uid"_json_pointer, name_of(document));
}

class Watcher {
 public:
  Watcher(store::CommandCatalog& catalog, const Wanted& wanted)
      : catalog_(catalog),
        wanted_(wanted),
        table_(wanted.targets.front().table),
        wide_(wanted.format.shape == OutputFormat::Shape::Wide),
        printer_(headings_of(table_, wide_)) {}

  /// One look. False: no reader any more, or an error that does not pass; it has been said.
  bool look() {
    std::vector<json> documents;
    bool complete = true;
    for (const auto& target : wanted_.targets) {
      const auto found = catalog_.list(wanted_.query(target, false));
      if (!found && !passes(found.error())) return fail(found.error()), false;
      if (!found && found.error().error_class == ErrorClass::Retry) return true;
      if (!found) continue;
      complete = complete && static_cast<int>(found->size()) < wanted_.query(target, false).limit;
      documents.insert(documents.end(), found->begin(), found->end());
    }
    outage_.over();
    if (wanted_.order) sort_documents(*wanted_.order, documents);
    if (!show_changes(documents)) return false;
    if (complete) forget_absent(documents);
    begun_ = true;
    return true;
  }

 private:
  // What was there and is gone leaves the rest to be watched; what never was is a mistake.
  bool passes(const Error& error) {
    if (error.error_class == ErrorClass::NotFound) return begun_;
    return outage_.bears(error);
  }

  // Ages change by themselves and are no news.
  std::string fingerprint(const json& document) const {
    if (!wanted_.format.is_table()) return document.dump(-1, ' ', false, json::error_handler_t::replace);
    auto cells = row_of(table_, document, wide_, TimePoint());
    cells.pop_back();
    return json(cells).dump(-1, ' ', false, json::error_handler_t::replace);
  }

  bool show_changes(const std::vector<json>& documents) {
    std::vector<const json*> changed;
    for (const auto& document : documents) {
      auto& known = known_[key_of(document)];
      auto seen = fingerprint(document);
      if (known.print != seen) changed.push_back(&document);
      known = {std::move(seen), slash_name(document)};
    }
    return changed.empty() || (wanted_.format.is_table() ? put_rows(changed) : put_documents(changed));
  }

  bool put_rows(const std::vector<const json*>& changed) {
    const auto now = catalog_.now();
    if (!now) return fail(now.error()), false;
    std::vector<Cells> rows;
    for (const auto* document : changed) rows.push_back(row_of(table_, *document, wide_, *now));
    const bool headings = !headed_ && !wanted_.flags.no_headers;
    headed_ = true;
    return put(printer_.render(rows, headings));
  }

  bool put_documents(const std::vector<const json*>& changed) {
    for (const auto* document : changed) {
      std::vector<json> one = {*document};
      if (wanted_.format.shows_payload()) {
        const auto full = catalog_.list(wanted_.query({table_, key_of(*document)}, true));
        if (full) one = {full->front()};
      }
      const bool apart = headed_ && wanted_.format.shape == OutputFormat::Shape::Yaml;
      if (!put((apart ? "---\n" : "") + render_plain(wanted_.format, one, true))) return false;
      headed_ = true;
    }
    return true;
  }

  void forget_absent(const std::vector<json>& documents) {
    std::set<std::string> present;
    for (const auto& document : documents) present.insert(key_of(document));
    std::erase_if(known_, [&](const auto& entry) {
      const bool gone = !present.contains(entry.first);
      if (gone) say(printable(entry.second.name) + " is gone");
      return gone;
    });
  }

  struct Known {
    std::string print;
    std::string name;
  };
  store::CommandCatalog& catalog_;
  const Wanted& wanted_;
  Table table_;
  bool wide_;
  TablePrinter printer_;
  std::map<std::string, Known> known_;
  Outage outage_;
  bool begun_ = false;
  bool headed_ = false;  // something has been printed
};

}  // namespace

int watch_objects(Session& session, const Wanted& wanted) {
  for (const auto& target : wanted.targets) {
    if (target.table != wanted.targets.front().table)
      throw CLI::ValidationError("--watch", "one kind at a time can be watched");
  }
  StopSignals signals;
  auto* catalog = session.catalog();
  if (catalog == nullptr) return 1;
  session.tell("");
  Watcher watcher(*catalog, wanted);
  while (watcher.look()) {
    if (signals.requested(kPause)) return 0;
  }
  return 1;
}

}  // namespace slipway::cli

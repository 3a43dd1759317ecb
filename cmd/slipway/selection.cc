#include "cmd/slipway/selection.h"

#include "store/selector.h"

namespace slipway::cli {
namespace {

constexpr int kMostRows = 500;
// Documents in full carry up to a megabyte of input and as much output each.
constexpr int kMostDocuments = 100;

std::vector<store::LabelTerm> read_labels(const Selection& selection, const std::vector<Target>& targets) {
  if (selection.selector.empty()) return {};
  for (const auto& target : targets) {
    if (resource_of(target.table).labelled) continue;
    throw CLI::ValidationError(
        "--selector", std::string(to_string(target.table)) + " have no labels; agents and executions do");
  }
  auto terms = store::parse_selector(selection.selector);
  if (!terms) throw CLI::ValidationError("--selector", terms.error().message);
  return *terms;
}

std::optional<Path> read_order(const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto path = parse_path(text.starts_with('.') || text.starts_with('{') ? text : "." + text);
  if (!path) throw CLI::ValidationError("--sort-by", path.error().message);
  return *path;
}

}  // namespace

void Selection::add_to(CLI::App& command) {
  command
      .add_option("KIND", words, "KIND, KIND NAME… or KIND/NAME…; `slipway api-resources` lists the kinds")
      ->required();
  command.add_option("-o,--output", output, "table, wide, json, yaml, name or jsonpath={…}");
  command.add_option("-l,--selector", selector, "only with these labels: team=quant,tier!=dev,zone in (a,b)");
  command.add_flag("-w,--watch", watch, "then a line for each change, until interrupted");
  command.add_option("--sort-by", sort_by, "a path such as .metadata.creationTimestamp");
  command.add_flag("--no-headers", no_headers, "rows alone");
  command.add_option("--user", user, "only this user's");
  command.add_option("--agent", agent, "only this agent's executions and entitlements");
  command.add_option("--status", status, "only executions of this status")
      ->check(CLI::IsMember({"PENDING", "RUNNING", "COMPLETED", "FAILED", "TIMEOUT"}));
  command.add_option("--limit", limit, "at most so many")->check(CLI::Range(1, 100000));
}

Wanted::Wanted(const Selection& selection)
    : targets(targets_from(selection.words)),
      format(parse_output_format(selection.output)),
      labels(read_labels(selection, targets)),
      order(read_order(selection.sort_by)),
      flags(selection) {}

store::Query Wanted::query(const Target& target, bool full) const {
  store::Query query{target.table, target.name, flags.user, flags.status, limit_of(target.table, full), full};
  query.agent = flags.agent;
  query.labels = labels;
  return query;
}

int Wanted::limit_of(store::Table table, bool full) const {
  if (flags.limit != 0) return flags.limit;
  return full && table == store::Table::Executions ? kMostDocuments : kMostRows;
}

bool Wanted::at_limit(store::Table table, std::size_t rows) const {
  return flags.limit == 0 && static_cast<int>(rows) >= limit_of(table, format.shows_payload());
}

}  // namespace slipway::cli

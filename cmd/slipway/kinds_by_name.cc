#include "cmd/slipway/kinds_by_name.h"

#include <algorithm>

#include "api/fields.h"

namespace slipway::cli {

store::Table table_from(const std::string& name) {
  std::string lower = name;
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::vector<std::string> known;
  for (auto table : {store::Table::Agents, store::Table::Entitlements, store::Table::Quotas,
                     store::Table::Executions, store::Table::Nodes}) {
    if (lower == store::to_string(table) || lower == store::singular_of(table)) return table;
    known.emplace_back(store::to_string(table));
  }
  const auto meant = nearest(lower, known);
  throw CLI::ValidationError("KIND", "expected agents, entitlements, quotas, executions or nodes, got " +
                                         describe(nlohmann::json(name)) +
                                         (meant ? "; did you mean \"" + *meant + "\"?" : ""));
}

}  // namespace slipway::cli

#include "cmd/slipway/kinds_by_name.h"

#include <algorithm>

#include "api/fields.h"

namespace slipway::cli {
namespace {

using store::Table;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

Target split(const std::string& word) {
  const auto slash = word.find('/');
  if (slash == std::string::npos || slash + 1 == word.size())
    throw CLI::ValidationError("NAME", "expected KIND/NAME, got " + describe(nlohmann::json(word)) +
                                           "; KIND NAME and KIND/NAME are not mixed");
  return {table_from(word.substr(0, slash)), word.substr(slash + 1)};
}

std::vector<Target> split_all(const std::vector<std::string>& words) {
  std::vector<Target> targets;
  for (const auto& word : words) targets.push_back(split(word));
  return targets;
}

bool has_slash(const std::string& word) { return word.find('/') != std::string::npos; }

std::vector<Target> of_table(Table table, const std::vector<std::string>& words, std::size_t first) {
  std::vector<Target> targets;
  for (std::size_t i = first; i < words.size(); ++i) targets.push_back({table, words[i]});
  return targets;
}

}  // namespace

const std::vector<Resource>& resources() {
  static const std::vector<Resource> all = {
      {Table::Agents, "Agent", {"ag"}, true, "apply,create,delete,diff,get,watch"},
      {Table::Entitlements, "Entitlement", {"ent"}, false, "apply,create,delete,diff,get,watch"},
      {Table::Quotas, "Quota", {"qu"}, false, "apply,create,delete,diff,get,watch"},
      {Table::Executions,
       "Execution",
       {"ex", "exec"},
       true,
       "apply,cancel,create,delete,diff,get,logs,wait,watch"},
      {Table::Nodes, "Node", {"no"}, false, "cordon,drain,get,uncordon,watch"},
  };
  return all;
}

const Resource& resource_of(Table table) {
  return *std::ranges::find_if(resources(), [&](const Resource& row) { return row.table == table; });
}

std::optional<Table> find_table(const std::string& name) {
  const auto wanted = lower(name);
  for (const auto& row : resources()) {
    if (wanted == to_string(row.table) || wanted == singular_of(row.table) ||
        std::ranges::count(row.short_names, wanted) > 0)
      return row.table;
  }
  return std::nullopt;
}

Table table_from(const std::string& name) {
  if (const auto table = find_table(name)) return *table;
  std::vector<std::string> known;
  for (const auto& row : resources()) known.emplace_back(to_string(row.table));
  const auto meant = nearest(lower(name), known);
  throw CLI::ValidationError("KIND", "expected agents, entitlements, quotas, executions or nodes, got " +
                                         describe(nlohmann::json(name)) +
                                         (meant ? "; did you mean \"" + *meant + "\"?" : ""));
}

std::vector<Target> targets_from(const std::vector<std::string>& words) {
  if (has_slash(words.front())) return split_all(words);
  const auto table = table_from(words.front());
  if (words.size() == 1) return {{table, ""}};
  return of_table(table, words, 1);
}

std::vector<Target> executions_or_targets(const std::vector<std::string>& words) {
  if (has_slash(words.front())) return split_all(words);
  const auto table = words.size() > 1 ? find_table(words.front()) : std::nullopt;
  return table ? of_table(*table, words, 1) : of_table(Table::Executions, words, 0);
}

std::string name_of_kind(Table table, const std::string& word) {
  // The name of a node, agent or execution has no slash, so one can only stand behind a kind.
  if (!has_slash(word)) return word;
  const auto target = split(word);
  if (target.table != table)
    throw CLI::ValidationError("NAME", "expected " + std::string(singular_of(table)) + "/NAME, got " +
                                           describe(nlohmann::json(word)));
  return target.name;
}

}  // namespace slipway::cli

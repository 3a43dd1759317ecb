#include "cmd/slipway/complete.h"

#include <algorithm>

#include "cmd/slipway/completed_names.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/terminal.h"

namespace slipway::cli {
namespace {

using store::Table;

constexpr std::string_view kFiles = ":files";

struct Line {
  const CLI::App* command;         // the verb's, or the root
  std::vector<std::string> words;  // behind the verb, without flags and their values
  std::string flag;                // whose value is being written; empty: none's
  std::string current;
};

const CLI::Option* option_of(const CLI::App& app, const CLI::App& command, const std::string& flag) {
  for (const auto* owner : {&command, &app}) {
    for (const auto* option : owner->get_options()) {
      if (!option->get_positional() && option->check_name(flag)) return option;
    }
  }
  return nullptr;
}

bool takes_value(const CLI::Option* option) {
  return option != nullptr && option->get_items_expected_max() > 0;
}

void note_global(Session& session, const std::string& flag, const std::string& value) {
  if (flag == "--database-url") session.database_flag = value;
  if (flag == "--config") session.config_file = value;
}

// What stands before the word that is being written.
Line read_line(const CLI::App& app, Session& session, const std::vector<std::string>& words) {
  Line line{&app, {}, "", words.empty() ? "" : words.back()};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const auto& word = words[i];
    if (word.starts_with('-') && word.size() > 1) {
      const auto sign = word.find('=');
      if (sign != std::string::npos) {
        note_global(session, word.substr(0, sign), word.substr(sign + 1));
        continue;
      }
      if (!takes_value(option_of(app, *line.command, word))) continue;
      if (i + 2 == words.size()) return line.flag = word, line;
      note_global(session, word, words[++i]);
    } else if (line.command == &app) {
      const auto verbs = app.get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; });
      if (!verbs.empty()) line.command = verbs.front();
    } else {
      line.words.push_back(word);
    }
  }
  return line;
}

std::vector<std::string> verbs_of(const CLI::App& app) {
  std::vector<std::string> all;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) all.push_back(command->get_name() + "\t" + command->get_description());
  }
  return all;
}

std::vector<std::string> flags_of(const CLI::App& app, const CLI::App& command) {
  std::vector<std::string> all;
  for (const auto* owner : {&command, &app}) {
    for (const auto* option : owner->get_options()) {
      for (const auto& name : option->get_lnames())
        all.push_back("--" + name + "\t" + option->get_description());
      if (owner == &app || !option->get_lnames().empty()) continue;
      for (const auto& name : option->get_snames())
        all.push_back("-" + name + "\t" + option->get_description());
    }
  }
  return all;
}

std::vector<std::string> values_of(Session& session, const std::string& verb, const std::string& flag) {
  if (flag == "-f" || flag == "--filename" || flag == "--config" || flag == "--input")
    return {std::string(kFiles)};
  if (flag == "-o" || flag == "--output") {
    if (verb == "output") return {std::string(kFiles)};
    if (verb == "version") return {"json", "yaml"};
    if (verb == "api-resources") return {"wide", "name"};
    return {"table", "wide", "json", "yaml", "name", "jsonpath="};
  }
  if (flag == "--status") return {"PENDING", "RUNNING", "COMPLETED", "FAILED", "TIMEOUT"};
  if (flag == "--dry-run") return {"none", "client", "server"};
  if (flag == "--agent") return names_of(session, Table::Agents);
  if (flag == "--sort-by") return {".metadata.name", ".metadata.creationTimestamp", ".status.status"};
  if (flag == "--for") {
    return {"condition=Admitted", "condition=ImageReady", "condition=Started",
            "condition=Finished", "condition=Cleaned",    "delete",
            "jsonpath="};
  }
  return {};
}

std::vector<std::string> kinds() {
  std::vector<std::string> all;
  for (const auto& row : resources()) all.emplace_back(to_string(row.table));
  return all;
}

// KIND/NAME while it is written.
std::vector<std::string> slash_names(Session& session, const std::string& current) {
  const auto kind = current.substr(0, current.find('/'));
  const auto table = find_table(kind);
  std::vector<std::string> all;
  if (!table) return all;
  for (const auto& name : names_of(session, *table)) all.push_back(kind + "/" + name);
  return all;
}

std::vector<std::string> arguments_of(Session& session, const Line& line) {
  const auto& verb = line.command->get_name();
  const auto is_one_of = [&](std::initializer_list<std::string_view> verbs) {
    return std::ranges::find(verbs, verb) != verbs.end();
  };
  const bool first = line.words.empty();
  const bool slash = line.current.find('/') != std::string::npos;
  if (is_one_of({"get", "describe", "delete"})) {
    if (slash) return slash_names(session, line.current);
    if (first) return kinds();
    const auto table = find_table(line.words.front());
    return table ? names_of(session, *table) : std::vector<std::string>();
  }
  if (is_one_of({"wait", "logs", "why", "output", "cancel", "force-finish"})) {
    if (slash) return slash_names(session, line.current);
    return first || verb == "wait" ? names_of(session, Table::Executions) : std::vector<std::string>();
  }
  if (is_one_of({"cordon", "uncordon", "drain"}) && first) return names_of(session, Table::Nodes);
  if ((verb == "run" && first) || (verb == "grant" && line.words.size() == 1))
    return names_of(session, Table::Agents);
  if (verb == "completion" && first) return {"bash", "zsh", "fish"};
  if (verb == "explain" && first) return kinds();
  return {};
}

std::vector<std::string> candidates(const CLI::App& app, Session& session, Line& line) {
  const auto& verb = line.command->get_name();
  if (!line.flag.empty()) return values_of(session, verb, line.flag);
  const auto sign = line.current.find('=');
  if (line.current.starts_with("--") && sign != std::string::npos) {
    const auto flag = line.current.substr(0, sign);
    auto values = values_of(session, verb, flag);
    if (!values.empty() && values.front() != kFiles) {
      for (auto& value : values) value = flag + "=" + value;
    }
    return values;
  }
  if (line.current.starts_with('-')) return flags_of(app, *line.command);
  return line.command == &app ? verbs_of(app) : arguments_of(session, line);
}

}  // namespace

int complete(const CLI::App& app, Session& session, const std::vector<std::string>& words) {
  auto line = read_line(app, session, words);
  std::string out;
  for (const auto& candidate : candidates(app, session, line)) {
    if (candidate == kFiles || candidate.starts_with(line.current)) out += candidate + "\n";
  }
  return put(out) ? 0 : 1;
}

}  // namespace slipway::cli

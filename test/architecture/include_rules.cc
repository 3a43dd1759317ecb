#include "test/architecture/include_rules.h"

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace slipway::architecture {
namespace {

using Rooms = std::set<std::string, std::less<>>;

/// The table of docs/ARCHITECTURE.md: a room and what it may include besides itself. Rooms named `*` may
/// include all but tests.
const std::map<std::string, Rooms, std::less<>>& table() {
  static const Rooms janitor = {"api",   "admission", "controller", "reconcilers",
                                "store", "runtime",   "metrics",    "logging"};
  static const std::map<std::string, Rooms, std::less<>> rooms = {
      {"api", {"api/json_schema"}},
      {"api/schemas", {"api"}},
      {"api/json_schema", {}},
      {"metrics", {}},
      {"logging", {}},
      {"controller", {"api", "metrics", "logging"}},
      {"store", {"api", "metrics"}},
      {"admission", {"api", "api/json_schema", "store"}},
      {"store/postgres", {"store", "api", "api/schemas", "metrics", "logging"}},
      {"store/memory", {"store", "api", "metrics"}},
      {"runtime", {"api", "metrics"}},
      {"runtime/host", {"api"}},
      {"runtime/docker", {"runtime", "runtime/host", "api", "metrics", "logging"}},
      {"runtime/simulated", {"runtime", "api", "metrics"}},
      {"reconcilers", {"api", "store", "runtime"}},
      {"reconcilers/execution", janitor},
      {"reconcilers/orphans", janitor},
      {"reconcilers/images", janitor},
      {"reconcilers/nodes", janitor},
      {"reconcilers/retention", janitor},
      {"reconcilers/statistics", janitor},
      {"node",
       {"api", "admission", "controller", "store", "runtime", "logging", "reconcilers",
        "reconcilers/execution", "reconcilers/orphans", "reconcilers/images", "reconcilers/nodes",
        "reconcilers/retention", "reconcilers/statistics"}},
      {"server",
       {"api", "api/schemas", "api/json_schema", "admission", "store", "controller", "metrics", "logging"}},
      {"client", {"api", "store"}},
      {"cmd/slipwayd", {"*"}},
      {"cmd/slipway", {"*"}},
      {"manifests/samples", {}},
      {"test", {"*", "test"}},
  };
  return rooms;
}

/// Libraries that stay behind an adapter: the rooms that may name them. cmd and test may name all.
const std::map<std::string, Rooms, std::less<>>& libraries() {
  static const std::map<std::string, Rooms, std::less<>> owners = {
      {"pqxx/", {"store/postgres"}},   {"libpq", {"store/postgres"}},
      {"yaml-cpp/", {"api"}},          {"boost/beast", {"runtime/docker", "server", "client"}},
      {"archive", {"runtime/docker"}}, {"CLI/", {}},
      {"re2/", {"api/json_schema"}},   {"boost/url", {"api/json_schema"}},
      {"systemd/", {"runtime/host"}},
  };
  return owners;
}

/// The plan is a pure function: these would let it look at the world.
constexpr std::string_view kImpure[] = {"boost/", "spdlog/",  "fstream",        "iostream",      "filesystem",
                                        "thread", "random",   "mutex",          "sys/",          "unistd.h",
                                        "ctime",  "metrics/", "store/postgres", "runtime/docker"};

bool is_plan(std::string_view file) {
  return file == "reconcilers/execution/plan.cc" || file == "reconcilers/execution/plan.h";
}

std::optional<std::string> library_objection(std::string_view room, std::string_view include) {
  for (const auto& [prefix, owners] : libraries())
    if (include.starts_with(prefix) && !owners.contains(room))
      return std::string("<") + prefix + "> stays behind its adapter";
  return std::nullopt;
}

}  // namespace

std::string room_of(std::string_view path) {
  std::string best;
  for (const auto& [room, allowed] : table())
    if (path.starts_with(room + "/") && room.size() > best.size()) best = room;
  return best;
}

std::optional<std::string> objection(std::string_view file, std::string_view include) {
  const std::string from = room_of(file);
  const std::string to = room_of(include);
  if (is_plan(file))
    for (auto prefix : kImpure)
      if (include.starts_with(prefix)) return "plan is pure: no I/O, no clock, no log";
  if (from.empty()) return "a source file outside every room";
  const Rooms& allowed = table().at(from);
  if (from == "test" || to == from || (to.empty() && allowed.contains("*"))) return std::nullopt;
  if (to.empty()) return library_objection(from, include);
  if (allowed.contains(to) || (allowed.contains("*") && to != "test")) return std::nullopt;
  return from + " may not use " + to;
}

std::vector<std::string> includes_of(std::string_view text) {
  static const std::regex line(R"re(^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">])re", std::regex::multiline);
  std::vector<std::string> found;
  const std::string copy(text);
  for (std::sregex_iterator it(copy.begin(), copy.end(), line), end; it != end; ++it)
    found.push_back((*it)[1]);
  return found;
}

std::vector<int> defaults_over_enums(std::string_view text) {
  static const std::regex ours(
      R"(case\s+(\w+::)*(Stage|Status|Reason|Fault|Verdict|UseRule|ErrorClass|ContainerState|Signal|PullFailure|ResultState)::)");
  std::vector<int> lines;
  std::istringstream in{std::string(text)};
  bool over_enum = false;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find("switch (") != std::string::npos) over_enum = false;
    if (std::regex_search(line, ours)) over_enum = true;
    const auto first = line.find_first_not_of(" \t");
    if (over_enum && first != std::string::npos && line.compare(first, 8, "default:") == 0)
      lines.push_back(number);
  }
  return lines;
}

std::vector<std::string> source_files(const std::filesystem::path& root) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    const auto name = it->path().filename().string();
    if (it->is_directory() && (name == "build" || name == "node_modules" || name.starts_with('.')))
      it.disable_recursion_pending();
    const auto extension = it->path().extension();
    if (it->is_regular_file() && (extension == ".cc" || extension == ".h"))
      files.push_back(fs::relative(it->path(), root).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace slipway::architecture

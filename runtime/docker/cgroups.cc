#include "runtime/docker/cgroups.h"

#include <charconv>
#include <chrono>
#include <sstream>
#include <thread>

namespace slipway::runtime {
namespace {

constexpr std::size_t kControlFile = 4u << 20;  // cgroup.procs of a full node is far below

bool absent(const Error& error) { return error.error_class == ErrorClass::NotFound; }

std::optional<std::int64_t> read_number(Host& host, const std::string& path) {
  const auto text = host.read(path, kControlFile);
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc()) return value;
  return std::nullopt;
}

std::optional<std::int64_t> read_keyed(Host& host, const std::string& path, const std::string& key) {
  const auto text = host.read(path, kControlFile);
  if (!text) return std::nullopt;
  std::istringstream file(*text);
  std::string name;
  std::int64_t value = 0;
  while (file >> name >> value) {
    if (name == key) return value;
  }
  return std::nullopt;
}

/// The cgroup and everything below it, children before parents. None if it is not there.
Result<std::vector<std::string>> tree(Host& host, const std::string& root) {
  std::vector<std::string> found;
  const auto facts = host.look(root);
  if (!facts && absent(facts.error())) return found;
  if (!facts) return facts.error();
  constexpr std::uint64_t kLeaf = 2;  // a directory here counts its children in its links
  if (facts->links != kLeaf) {
    const auto entries = host.list(root);
    if (!entries && absent(entries.error())) return found;
    if (!entries) return entries.error();
    for (const auto& entry : *entries) {
      if (!entry.directory) continue;
      auto below = tree(host, root + "/" + entry.name);
      if (!below) return below.error();
      for (std::string& path : *below) found.push_back(std::move(path));
    }
  }
  found.push_back(root);
  return found;
}

Result<void> add_processes(Host& host, const std::string& root, std::set<pid_t>& pids) {
  const auto directories = tree(host, root);
  if (!directories) return directories.error();
  for (const std::string& directory : *directories) {
    const auto text = host.read(directory + "/cgroup.procs", kControlFile);
    if (!text && absent(text.error())) continue;
    if (!text) return text.error();
    if (text->empty()) continue;
    std::istringstream numbers(*text);
    for (pid_t pid = 0; numbers >> pid;) {
      if (pid > 1) pids.insert(pid);
    }
  }
  return {};
}

}  // namespace

Cgroups::Cgroups(Host& host, std::string root) : host_(host), root_(std::move(root)) {}

Result<Cgroups::Hierarchies> Cgroups::find() const {
  const auto unified = runtime::exists(host_, root_ + "/cgroup.controllers");
  if (!unified) return unified.error();
  if (*unified) return Hierarchies{{root_}, root_, root_};
  Hierarchies found;
  const auto entries = host_.list(root_);
  if (!entries && absent(entries.error())) return found;
  if (!entries) return entries.error();
  for (const auto& entry : *entries) {
    if (!entry.directory) continue;  // "cpu" may be a link to "cpu,cpuacct": each hierarchy once
    const std::string hierarchy = root_ + "/" + entry.name;
    found.all.push_back(hierarchy);
    const auto memory = runtime::exists(host_, hierarchy + "/memory.usage_in_bytes");
    const auto cpu = runtime::exists(host_, hierarchy + "/cpuacct.usage");
    if (!memory) return memory.error();
    if (!cpu) return cpu.error();
    if (*memory) found.memory = hierarchy;
    if (*cpu) found.cpu = hierarchy;
  }
  return found;
}

Result<Cgroups::Hierarchies> Cgroups::hierarchies() const {
  const std::lock_guard lock(mutex_);
  if (found_) return *found_;
  auto found = find();
  if (found) found_ = *found;
  return found;
}

Result<bool> Cgroups::exists(const std::string& path) const {
  const auto where = hierarchies();
  if (!where) return where.error();
  for (const std::string& hierarchy : where->all) {
    const auto here = runtime::exists(host_, hierarchy + path);
    if (!here || *here) return here;
  }
  return false;
}

/// A figure only: what cannot be read is not known, and no reason to give up what was found beside it.
CgroupUsage Cgroups::usage(const std::string& path) const {
  CgroupUsage usage;
  const auto where = hierarchies();
  if (!where) return usage;
  usage.peak_memory_bytes = read_number(host_, where->memory + path + "/memory.max_usage_in_bytes");
  if (!usage.peak_memory_bytes)
    usage.peak_memory_bytes = read_number(host_, where->memory + path + "/memory.peak");
  usage.cpu_ns = read_number(host_, where->cpu + path + "/cpuacct.usage");
  if (usage.cpu_ns) return usage;
  if (const auto micros = read_keyed(host_, where->cpu + path + "/cpu.stat", "usage_usec"))
    usage.cpu_ns = *micros * 1000;
  return usage;
}

std::optional<std::int64_t> Cgroups::oom_kills(const std::string& path) const {
  const auto where = hierarchies();
  if (!where) return std::nullopt;
  return read_keyed(host_, where->memory + path + "/memory.events", "oom_kill");
}

Result<std::set<pid_t>> Cgroups::members(const Hierarchies& where, const std::string& path) const {
  std::set<pid_t> pids;
  for (const std::string& hierarchy : where.all) {
    if (auto added = add_processes(host_, hierarchy + path, pids); !added) return added.error();
  }
  return pids;
}

Result<bool> Cgroups::was_used(const std::string& path) const {
  const auto here = exists(path);
  if (!here || !*here) return here;
  const auto where = hierarchies();
  if (!where) return where.error();
  const auto pids = members(*where, path);
  if (!pids) return pids.error();
  if (!pids->empty()) return true;
  const auto counted = runtime::exists(host_, where->cpu + path);
  if (!counted || !*counted) return counted;
  const CgroupUsage used = usage(path);
  if (!used.cpu_ns) return Error{ErrorClass::Retry, "the use of " + path + " cannot be read"};
  return *used.cpu_ns > 0;
}

/// A frozen process dies only once it is thawed. Whatever fails is tried again in the next round.
void Cgroups::thaw(const std::string& root) const {
  const auto directories = tree(host_, root);
  if (!directories) return;
  for (const std::string& directory : *directories) {
    host_.control(directory + "/freezer.state", "THAWED");
    host_.control(directory + "/cgroup.freeze", "0");
  }
}

Result<bool> Cgroups::kill_all(const std::string& path) const {
  const auto where = hierarchies();
  if (!where) return where.error();
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (true) {
    const auto pids = members(*where, path);
    if (!pids) return pids.error();
    if (pids->empty()) return true;
    for (pid_t pid : *pids) {
      if (auto killed = host_.kill_in_cgroup(pid, path); !killed) return killed.error();
    }
    for (const std::string& hierarchy : where->all) {
      host_.control(hierarchy + path + "/cgroup.kill", "1");
      thaw(hierarchy + path);
    }
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

/// Nearly always there is one empty directory left, and nothing below it.
Result<bool> Cgroups::remove(const std::string& path) const {
  const auto where = hierarchies();
  if (!where) return where.error();
  bool gone = true;
  for (const std::string& hierarchy : where->all) {
    const auto removed = host_.remove_directory(hierarchy + path);
    if (removed || absent(removed.error())) continue;
    const auto directories = tree(host_, hierarchy + path);
    if (!directories) return directories.error();
    for (const std::string& directory : *directories) {
      const auto below = host_.remove_directory(directory);
      if (!below && !absent(below.error())) gone = false;
    }
  }
  return gone;
}

Result<std::vector<std::string>> Cgroups::children(const std::string& parent) const {
  const auto where = hierarchies();
  if (!where) return where.error();
  std::set<std::string> names;
  for (const std::string& hierarchy : where->all) {
    const auto entries = host_.list(hierarchy + parent);
    if (!entries && absent(entries.error())) continue;
    if (!entries) return entries.error();
    for (const auto& entry : *entries) {
      if (entry.directory) names.insert(entry.name);
    }
  }
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace slipway::runtime

#include "runtime/docker/cgroups.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "runtime/docker/descriptor.h"

namespace slipway::runtime {
namespace {

namespace fs = std::filesystem;

/// Empty: it is not there, or cannot be read. Twelve of these are read for each execution, and a stream costs
/// ten times as much to make.
std::string read_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char piece[4096];
  for (ssize_t got; file && (got = read(file.get(), piece, sizeof piece)) > 0;)
    text.append(piece, static_cast<std::size_t>(got));
  return text;
}

std::optional<std::int64_t> read_number(const std::string& path) {
  const std::string text = read_file(path);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc()) return value;
  return std::nullopt;
}

std::optional<std::int64_t> read_keyed(const std::string& path, const std::string& key) {
  std::istringstream file(read_file(path));
  std::string name;
  std::int64_t value = 0;
  while (file >> name >> value) {
    if (name == key) return value;
  }
  return std::nullopt;
}

/// The cgroup and everything below it, children before parents.
std::vector<std::string> tree(const std::string& root) {
  std::vector<std::string> found;
  std::error_code error;
  struct stat facts{};
  if (stat(root.c_str(), &facts) != 0) return found;
  constexpr nlink_t kLeaf = 2;  // a directory here counts its children in its links
  if (facts.st_nlink == kLeaf) return {root};
  for (auto entry = fs::directory_iterator(root, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (!entry->is_directory(error)) continue;  // known from the listing itself
    for (std::string& below : tree(entry->path().string())) found.push_back(std::move(below));
  }
  if (fs::exists(root, error)) found.push_back(root);
  return found;
}

std::set<pid_t> processes(const std::string& root) {
  std::set<pid_t> pids;
  for (const std::string& directory : tree(root)) {
    const std::string text = read_file(directory + "/cgroup.procs");
    if (text.empty()) continue;
    std::istringstream numbers(text);
    for (pid_t pid = 0; numbers >> pid;) {
      if (pid > 1) pids.insert(pid);
    }
  }
  return pids;
}

/// By descriptor: the number may be given to another process between reading it and using it, so membership
/// is read again once the descriptor pins the process.
void kill_member(pid_t pid, const std::string& path) {
  const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return;
  std::ifstream file("/proc/" + std::to_string(pid) + "/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.find(":" + path) == std::string::npos) continue;
    syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    return;
  }
}

/// A frozen process dies only once it is thawed.
void thaw(const std::string& root) {
  for (const std::string& directory : tree(root)) {
    if (std::ofstream state(directory + "/freezer.state"); state) state << "THAWED" << std::flush;
    if (std::ofstream state(directory + "/cgroup.freeze"); state) state << "0" << std::flush;
  }
}

}  // namespace

Cgroups::Cgroups(std::string root) {
  std::error_code error;
  if (fs::exists(root + "/cgroup.controllers", error)) {
    memory_ = cpu_ = root;
    hierarchies_.push_back(std::move(root));
    return;
  }
  for (auto entry = fs::directory_iterator(root, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    // "cpu" may be a symlink to "cpu,cpuacct": each hierarchy once.
    if (!entry->is_directory(error) || entry->is_symlink(error)) continue;
    const std::string hierarchy = entry->path().string();
    hierarchies_.push_back(hierarchy);
    if (fs::exists(hierarchy + "/memory.usage_in_bytes", error)) memory_ = hierarchy;
    if (fs::exists(hierarchy + "/cpuacct.usage", error)) cpu_ = hierarchy;
  }
}

bool Cgroups::exists(const std::string& path) const {
  return std::any_of(hierarchies_.begin(), hierarchies_.end(), [&](const std::string& hierarchy) {
    return access((hierarchy + path).c_str(), F_OK) == 0;
  });
}

CgroupUsage Cgroups::usage(const std::string& path) const {
  CgroupUsage usage;
  usage.peak_memory_bytes = read_number(memory_ + path + "/memory.max_usage_in_bytes");
  if (!usage.peak_memory_bytes) usage.peak_memory_bytes = read_number(memory_ + path + "/memory.peak");
  if (const auto nanos = read_number(cpu_ + path + "/cpuacct.usage")) {
    usage.cpu_ms = *nanos / 1'000'000;
  } else if (const auto micros = read_keyed(cpu_ + path + "/cpu.stat", "usage_usec")) {
    usage.cpu_ms = *micros / 1000;
  }
  return usage;
}

std::set<pid_t> Cgroups::members(const std::string& path) const {
  std::set<pid_t> pids;
  for (const std::string& hierarchy : hierarchies_) pids.merge(processes(hierarchy + path));
  return pids;
}

bool Cgroups::kill_all(const std::string& path) const {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (true) {
    const std::set<pid_t> pids = members(path);
    if (pids.empty()) return true;
    for (pid_t pid : pids) kill_member(pid, path);
    for (const std::string& hierarchy : hierarchies_) {
      if (std::ofstream all(hierarchy + path + "/cgroup.kill"); all) all << "1" << std::flush;
      thaw(hierarchy + path);
    }
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

/// Nearly always there is one empty directory left, and nothing below it.
bool Cgroups::remove(const std::string& path) const {
  bool gone = true;
  for (const std::string& hierarchy : hierarchies_) {
    if (rmdir((hierarchy + path).c_str()) == 0 || errno == ENOENT) continue;
    for (const std::string& directory : tree(hierarchy + path)) {
      if (rmdir(directory.c_str()) != 0 && errno != ENOENT) gone = false;
    }
  }
  return gone;
}

std::vector<std::string> Cgroups::children(const std::string& parent) const {
  std::set<std::string> names;
  std::error_code error;
  for (const std::string& hierarchy : hierarchies_) {
    for (auto entry = fs::directory_iterator(hierarchy + parent, error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
      if (entry->is_directory(error)) names.insert(entry->path().filename().string());
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace slipway::runtime

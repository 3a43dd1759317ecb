#include "cmd/slipway/dev_engine.h"

#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cmd/slipway/http_get.h"
#include "cmd/slipway/session.h"

namespace slipway::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

std::string find_program(const std::string& name) {
  for (const auto* folder :
       {"/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/", "/bin/", "/sbin/"}) {
    if (::access((folder + name).c_str(), X_OK) == 0) return folder + name;
  }
  return "";
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  return static_cast<bool>(file.flush());
}

Error failed_start(ChildProcess& process) {
  const auto words = process.ended() ? process.obituary() : process.name() + " does not answer";
  return {ErrorClass::Retry, words + "; its last lines:\n" + process.last_lines(8)};
}

}  // namespace

Result<std::unique_ptr<DevEngine>> DevEngine::start(const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    return Error{ErrorClass::Invalid, "cannot make the directory " + directory + ": " + error.message()};
  std::unique_ptr<DevEngine> engine(new DevEngine(directory));
  auto started = engine->start_containerd();
  if (started) started = engine->start_dockerd();
  if (started) return engine;
  engine->stop();
  return started.error();
}

// containerd of its own: an engine that owns its containerd needs many seconds to come back after a crash.
Result<void> DevEngine::start_containerd() {
  const auto program = find_program("containerd");
  if (program.empty()) return Error{ErrorClass::Invalid, "containerd is not installed (Debian: docker.io)"};
  const auto config = directory_ + "/containerd.toml";
  if (!write_file(config, "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n")) {
    return Error{ErrorClass::StorageFull, "cannot write " + config};
  }
  auto process = ChildProcess::start(
      {"containerd",
       {program, "--config", config, "--address", directory_ + "/containerd.sock", "--root",
        directory_ + "/containerd", "--state", directory_ + "/containerd-state"},
       directory_ + "/containerd.log",
       std::nullopt,
       0,
       "/"});
  if (!process) return process.error();
  containerd_.emplace(std::move(*process));
  const bool there = poll_until(seconds(20), [&] {
    std::error_code ignored;
    return containerd_->ended() || fs::exists(directory_ + "/containerd.sock", ignored);
  });
  if (!there || containerd_->ended()) return failed_start(*containerd_);
  return {};
}

Result<void> DevEngine::start_dockerd() {
  const auto program = find_program("dockerd");
  if (program.empty()) return Error{ErrorClass::Invalid, "dockerd is not installed (Debian: docker.io)"};
  const auto config = directory_ + "/daemon.json";
  if (!write_file(config, "{}\n")) return Error{ErrorClass::StorageFull, "cannot write " + config};
  auto process = ChildProcess::start(
      {"dockerd",
       {program, "--config-file", config, "--containerd", directory_ + "/containerd.sock", "-H",
        "unix://" + socket_, "--data-root", directory_ + "/data", "--exec-root", directory_ + "/exec", "-p",
        directory_ + "/dockerd.pid", "--bridge=none", "--iptables=false", "--ip6tables=false"},
       directory_ + "/dockerd.log",
       std::nullopt,
       0,
       "/"});
  if (!process) return process.error();
  dockerd_.emplace(std::move(*process));
  poll_until(seconds(30), [&] { return dockerd_->ended() || engine_problem(socket_).empty(); });
  if (dockerd_->ended() || !engine_problem(socket_).empty()) return failed_start(*dockerd_);
  return {};
}

std::vector<ChildProcess*> DevEngine::processes() {
  std::vector<ChildProcess*> all;
  if (dockerd_) all.push_back(&*dockerd_);
  if (containerd_) all.push_back(&*containerd_);
  return all;
}

void DevEngine::stop() {
  if (dockerd_) dockerd_->stop(SIGTERM, seconds(30));
  if (containerd_) containerd_->stop(SIGTERM, seconds(10));
  kill_leftovers(directory_);
  unmount_below(directory_);
}

void kill_leftovers(const std::string& directory) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    const bool is_shim = text.str().find("containerd-shim") != std::string::npos;
    if (is_shim && text.str().find(directory) != std::string::npos) ::kill(std::stoi(name), SIGKILL);
  }
}

void unmount_below(const std::string& directory) {
  std::ifstream file("/proc/self/mountinfo");
  std::vector<std::string> points;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string id, parent, device, root, point;
    words >> id >> parent >> device >> root >> point;
    if (point == directory || point.starts_with(directory + "/")) points.push_back(point);
  }
  // Later mounts stand on earlier ones.
  for (auto point = points.rbegin(); point != points.rend(); ++point) ::umount2(point->c_str(), MNT_DETACH);
}

namespace {

// Of either version.
std::vector<fs::path> cgroup_hierarchies() {
  std::error_code ignored;
  std::vector<fs::path> hierarchies = {"/sys/fs/cgroup"};
  for (const auto& entry : fs::directory_iterator("/sys/fs/cgroup", ignored)) {
    if (entry.is_directory(ignored)) hierarchies.push_back(entry.path());
  }
  return hierarchies;
}

}  // namespace

void remove_cgroups(const std::string& name) {
  std::error_code ignored;
  for (const auto& hierarchy : cgroup_hierarchies()) {
    if (!fs::is_directory(hierarchy / name, ignored)) continue;
    std::vector<fs::path> groups = {hierarchy / name};
    for (const auto& entry : fs::recursive_directory_iterator(hierarchy / name, ignored)) {
      if (entry.is_directory(ignored)) groups.push_back(entry.path());
    }
    // rmdir refuses a group that has processes or children: nothing in use can go.
    for (auto group = groups.rbegin(); group != groups.rend(); ++group) ::rmdir(group->c_str());
  }
}

void remove_empty_cgroup(const std::string& name) {
  for (const auto& hierarchy : cgroup_hierarchies()) ::rmdir((hierarchy / name).c_str());
}

}  // namespace slipway::cli

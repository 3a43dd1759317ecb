#include "test/support/docker_engine/docker_engine.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

namespace slipway::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string new_directory(const std::string& parent) {
  std::string path = parent + "/slipway-engine-XXXXXX";
  if (!mkdtemp(path.data())) throw std::runtime_error("mkdtemp below " + parent);
  return path;
}

int connect_to(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

std::string read_to_end(int fd) {
  std::string all;
  char piece[65536];
  for (ssize_t got; (got = read(fd, piece, sizeof piece)) > 0;)
    all.append(piece, static_cast<std::size_t>(got));
  return all;
}

std::string unchunk(const std::string& text) {
  std::string body;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = std::strtoul(text.c_str() + at, nullptr, 16);
    at = text.find("\r\n", at);
    if (size == 0 || at == std::string::npos) break;
    body += text.substr(at + 2, size);
    at += size + 4;
  }
  return body;
}

/// Mount points below `dir`, deepest first.
std::vector<std::string> mounts_below(const std::string& dir) {
  std::vector<std::string> found;
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string point;
    for (int i = 0; i < 5; ++i) fields >> point;
    if (point.starts_with(dir + "/")) found.insert(found.begin(), point);
  }
  return found;
}

/// Shims are children of init and name their containerd socket, and their container, in their arguments.
std::vector<pid_t> shims(const std::string& argument) {
  std::vector<pid_t> pids;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline");
    std::ostringstream words_read;
    words_read << file.rdbuf();  // unlike an iterator it does not throw when the process has gone meanwhile
    const std::string words = words_read.str();
    if (words.find("containerd-shim") != std::string::npos && words.find(argument) != std::string::npos)
      pids.push_back(std::stoi(name));
  }
  return pids;
}

void end_shims(const std::string& dir) {
  wait_until(
      [&] {
        for (pid_t pid : shims(dir + "/")) ::kill(pid, SIGKILL);
        return shims(dir + "/").empty();
      },
      3000);
}

/// Children before parents; a process that was left in one is killed first.
void remove_cgroups(const std::string& parent) {
  std::error_code ignored;
  for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup", ignored)) {
    const fs::path root = hierarchy.path() / parent;
    std::vector<fs::path> all = {root};
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (const auto& entry : fs::directory_iterator(all[i], ignored)) {
        if (entry.is_directory(ignored)) all.push_back(entry.path());
      }
    }
    for (auto path = all.rbegin(); path != all.rend(); ++path) {
      wait_until(
          [&] {
            std::ifstream procs(*path / "cgroup.procs");
            for (pid_t pid = 0; procs >> pid;) ::kill(pid, SIGKILL);
            return rmdir(path->c_str()) == 0 || errno != EBUSY;
          },
          2000);
    }
  }
}

/// What is left once the servers are dead.
void clear(const std::string& dir) {
  end_shims(dir);
  remove_cgroups(dir.substr(dir.rfind('/') + 1));
  for (const std::string& point : mounts_below(dir)) umount2(point.c_str(), MNT_DETACH);
  std::error_code ignored;
  fs::remove_all(dir, ignored);
}

/// Locked before it gets its name, so that nobody ever finds a living engine's file unlocked.
int lock_owner(const std::string& dir) {
  const std::string draft = dir + "/owner.new";
  const int fd = open(draft.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  flock(fd, LOCK_EX | LOCK_NB);
  rename(draft.c_str(), (dir + "/owner").c_str());
  return fd;
}

/// A test that was killed could not clean up; its servers died with it, and its lock is free.
void clear_orphans() {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/tmp", ignored)) {
    const std::string dir = entry.path();
    if (!dir.starts_with("/tmp/slipway-engine-")) continue;
    const int fd = open((dir + "/owner").c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) continue;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) clear(dir);
    close(fd);
  }
}

}  // namespace

DockerEngine::DockerEngine(DockerEngineOptions options)
    : options_(std::move(options)), dir_(new_directory(options_.parent)) {
  clear_orphans();
  owner_ = lock_owner(dir_);
  fs::create_directory(dir_ + "/bin");
  // The ledger lies beside the runtime, so each engine has a copy of its own.
  fs::copy_file(LEDGER_RUNTIME, dir_ + "/bin/ledger-runtime");
  write_config();
  start();
}

DockerEngine::~DockerEngine() {
  resume();
  end_containers();
  dockerd_.signal(SIGTERM);
  dockerd_.wait_exit(5000);
  dockerd_.kill_and_wait();
  containerd_.signal(SIGTERM);
  containerd_.wait_exit(3000);
  containerd_.kill_and_wait();
  clear(dir_);
  close(owner_);
}

void DockerEngine::write_config() const {
  std::ofstream(dir_ + "/containerd.toml")
      << "version = 2\nroot = \"" << dir_ << "/containerd\"\nstate = \"" << dir_ << "/containerd-run\"\n"
      << "disabled_plugins = [\"io.containerd.grpc.v1.cri\", \"io.containerd.snapshotter.v1.aufs\", "
         "\"io.containerd.snapshotter.v1.btrfs\", \"io.containerd.snapshotter.v1.devmapper\", "
         "\"io.containerd.snapshotter.v1.zfs\"]\n"
      << "[grpc]\naddress = \"" << dir_ << "/containerd.sock\"\n[ttrpc]\naddress = \"" << dir_
      << "/ttrpc.sock\"\n";
  json runtimes = {{"ledger", {{"path", dir_ + "/bin/ledger-runtime"}}}};
  for (const auto& [name, command] : options_.runtimes) {
    runtimes[name] = {{"path", command.front()},
                      {"runtimeArgs", std::vector<std::string>(command.begin() + 1, command.end())}};
  }
  const json daemon = {{"runtimes", runtimes},
                       {"default-runtime", options_.default_runtime},
                       {"live-restore", options_.live_restore},
                       {"bridge", "none"},
                       {"iptables", false},
                       {"ip6tables", false},
                       {"shutdown-timeout", 3}};
  std::ofstream(dir_ + "/daemon.json") << daemon.dump();
}

void DockerEngine::start_containerd() {
  if (containerd_.running()) return;
  std::vector<std::string> command = {"containerd", "-c", dir_ + "/containerd.toml"};
  if (options_.private_mounts) command.insert(command.begin(), {"unshare", "-m", "--propagation", "private"});
  containerd_.start(command, dir_ + "/containerd.log");
  const auto answers = [this] {
    const int fd = connect_to(dir_ + "/containerd.sock");
    if (fd >= 0) close(fd);
    return fd >= 0;
  };
  if (!wait_until(answers, 10000))
    throw std::runtime_error("containerd does not answer, see " + dir_ + "/containerd.log");
}

void DockerEngine::start() {
  start_containerd();
  fs::remove(pid_file());  // of a killed engine: its number may be alive again
  std::vector<std::string> command = {"dockerd",
                                      "--config-file",
                                      dir_ + "/daemon.json",
                                      "-H",
                                      "unix://" + socket_path(),
                                      "--containerd",
                                      dir_ + "/containerd.sock",
                                      "--data-root",
                                      dir_ + "/data",
                                      "--exec-root",
                                      dir_ + "/exec",
                                      "-p",
                                      pid_file()};
  // Dockerd joins containerd's namespace, as both of them under one systemd slice would not: what counts is
  // that neither sees ours.
  if (options_.private_mounts) {
    command.insert(command.begin(), {"nsenter", "-m", "-t", std::to_string(containerd_.pid()), "--"});
  }
  if (options_.own_network) {
    command.insert(command.begin(),
                   {"unshare", "-n", "/bin/sh", "-ec", "busybox ip link set lo up; exec \"$@\"", "sh"});
  }
  dockerd_.start(command, dir_ + "/dockerd.log");
  if (!wait_until([this] { return request("GET", "/_ping").status == 200; }, 30000)) {
    throw std::runtime_error("dockerd does not answer, see " + dir_ + "/dockerd.log");
  }
}

void DockerEngine::stop() {
  dockerd_.signal(SIGTERM);
  if (!dockerd_.wait_exit(40000)) dockerd_.kill_and_wait();
}
bool DockerEngine::kill_shim(const std::string& container_id) const {
  const auto found = shims(container_id);
  for (pid_t pid : found) ::kill(pid, SIGKILL);
  return !found.empty();
}
void DockerEngine::kill_containerd() { containerd_.kill_and_wait(); }
void DockerEngine::kill() { dockerd_.kill_and_wait(); }
void DockerEngine::suspend() { dockerd_.signal(SIGSTOP); }
void DockerEngine::resume() { dockerd_.signal(SIGCONT); }

/// Through the engine while it lives: it unmounts and reaps better than we can.
void DockerEngine::end_containers() {
  if (!dockerd_.running()) return;
  const json all = json::parse(request("GET", "/containers/json?all=1").body, nullptr, false);
  if (!all.is_array()) return;
  for (const json& container : all) {
    request("DELETE", "/containers/" + container["Id"].get<std::string>() + "?force=1&v=1");
  }
}

EngineAnswer DockerEngine::request(const std::string& method, const std::string& target,
                                   const std::string& body,
                                   const std::map<std::string, std::string>& headers) const {
  const int fd = connect_to(socket_path());
  if (fd < 0) return {};
  const timeval limit{60, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string message = method + " " + target + " HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n";
  if (!headers.contains("Content-Type")) message += "Content-Type: application/json\r\n";
  for (const auto& [name, value] : headers) message += name + ": " + value + "\r\n";
  message += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  for (std::size_t sent = 0; sent < message.size();) {
    const ssize_t wrote = send(fd, message.data() + sent, message.size() - sent, MSG_NOSIGNAL);
    if (wrote <= 0) break;
    sent += static_cast<std::size_t>(wrote);
  }
  const std::string answer = read_to_end(fd);
  close(fd);
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return {};
  const bool chunked = answer.substr(0, end).find("Transfer-Encoding: chunked") != std::string::npos;
  return {std::atoi(answer.c_str() + 9), chunked ? unchunk(answer.substr(end + 4)) : answer.substr(end + 4)};
}

std::vector<std::string> DockerEngine::ledger() const {
  std::ifstream file(dir_ + "/bin/ledger");
  std::vector<std::string> ids;
  for (std::string line; std::getline(file, line);) ids.push_back(line);
  return ids;
}

int DockerEngine::starts_of(const std::string& container_id) const {
  const auto all = ledger();
  return static_cast<int>(std::count(all.begin(), all.end(), container_id));
}

}  // namespace slipway::test

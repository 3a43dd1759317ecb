#include "cmd/slipway/dev.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cmd/slipway/engine_sockets.h"
#include "cmd/slipway/http_get.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/terminal.h"
#include "store/postgres/migrate.h"
#include "store/postgres/postgres_catalog.h"

namespace slipway::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kUsualPort = 8320;

// The port itself if it is free, or whichever the kernel gives for 0; 0 if it is taken.
int probe_port(int port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool good = ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(descriptor);
  return good ? ntohs(address.sin_port) : 0;
}

fs::path own_directory() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

// Installed beside us, or in the neighbouring folder of a build tree.
std::string find_daemon() {
  std::error_code error;
  const auto here = own_directory();
  for (const auto& path : {here / "slipwayd", here.parent_path() / "slipwayd" / "slipwayd"}) {
    if (fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0) return path.string();
  }
  return "";
}

// The sample agent's program, manifest and input, which a build tree has; empty: an installed command.
std::string find_samples() {
  std::error_code error;
  const auto samples = own_directory().parent_path().parent_path() / "samples";
  for (const auto* file : {"momentum", "momentum.yaml", "eth-1h.json"})
    if (!fs::is_regular_file(samples / file, error)) return "";
  return samples.string();
}

// Where a shell does not find this very command by itself; empty: it does.
std::string directory_to_add() {
  std::error_code error;
  const char* value = std::getenv("PATH");
  std::istringstream path(value == nullptr ? "" : value);
  for (std::string directory; std::getline(path, directory, ':');) {
    const auto found = fs::path(directory) / "slipway";
    if (fs::exists(found, error))
      return fs::equivalent(found, "/proc/self/exe", error) ? "" : own_directory().string();
  }
  return own_directory().string();
}

// As a shell takes it for one word.
std::string shell_word(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string first_line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Error interrupted() { return {ErrorClass::Conflict, "stopped before everything was up"}; }

}  // namespace

Result<void> DevEnvironment::start(StopSignals& signals) {
  using Step = Result<void> (DevEnvironment::*)();
  for (const Step step : {&DevEnvironment::make_directories, &DevEnvironment::start_database,
                          &DevEnvironment::find_engine, &DevEnvironment::start_daemon}) {
    if (signals.requested()) return interrupted();
    if (auto done = (this->*step)(); !done) return done;
  }
  const bool ready = poll_until(seconds(60), [&] {
    const auto answer = get_over_tcp(port_, "/readyz", seconds(2));
    return daemon_->ended() || signals.requested() || (answer && answer->status == 200);
  });
  if (signals.requested()) return interrupted();
  if (ready && !daemon_->ended()) return {};
  const auto words =
      daemon_->ended() ? daemon_->obituary() : std::string("slipwayd did not become ready within 60 s");
  return Error{ErrorClass::Retry, words + "; its last lines:\n" + daemon_->last_lines(8)};
}

Result<void> DevEnvironment::make_directories() {
  char name[] = "/tmp/slipway-dev-XXXXXX";
  if (::mkdtemp(name) == nullptr)
    return Error{ErrorClass::StorageFull, std::string("cannot make ") + name + ": " + std::strerror(errno)};
  directory_ = name;
  // Entered, not listed, by the database's user; the folders inside have modes of their own.
  ::chmod(name, 0711);
  data_ =
      options_.data_dir.empty() ? directory_ : fs::absolute(options_.data_dir).lexically_normal().string();
  std::error_code error;
  fs::create_directories(data_, error);
  if (!error) fs::create_directories(directory_ + "/log", error);
  if (!error) fs::create_directories(data_ + "/node", error);
  if (error) return Error{ErrorClass::Invalid, "cannot write below " + data_ + ": " + error.message()};
  return {};
}

Result<void> DevEnvironment::start_database() {
  database_url_ = options_.database_url;
  if (database_url_.empty()) {
    auto started = DevPostgres::start({data_ + "/postgres", directory_ + "/postgres-socket",
                                       directory_ + "/postgres.log", !options_.data_dir.empty()});
    // The server's user could not open a log of ours: it is handed down as a descriptor.
    if (!started) return started.error();
    postgres_ = std::move(*started);
    database_url_ = postgres_->url();
  }
  const auto migrated = store::postgres::migrate(database_url_);
  if (!migrated) return Error{migrated.error().error_class, unreachable(database_url_, migrated.error())};
  return {};
}

Result<void> DevEnvironment::find_engine() {
  if (options_.engine == "private") return start_private_engine();
  std::string problems;
  const bool given = options_.engine != "auto";
  const auto sockets =
      given ? Result<std::vector<std::string>>(std::vector<std::string>{options_.engine}) : engine_sockets();
  if (!sockets) return sockets.error();
  for (const auto& socket : *sockets) {
    const auto problem = engine_problem(socket);
    if (problem.empty()) return engine_socket_ = socket, Result<void>();
    problems += (problems.empty() ? "" : "; ") + problem;
  }
  // An engine that was named and does not answer is not replaced by another in silence.
  const char* named = std::getenv("DOCKER_HOST");
  if (given || (named != nullptr && *named != '\0')) return Error{ErrorClass::Invalid, problems};
  if (::geteuid() == 0) return start_private_engine();
  return Error{ErrorClass::Invalid, problems + "; as root, `slipway dev` starts a private one"};
}

Result<void> DevEnvironment::start_private_engine() {
  if (::geteuid() != 0) return Error{ErrorClass::Invalid, "a private container engine needs root"};
  std::error_code ignored;
  had_docker_cgroup_ =
      fs::exists("/sys/fs/cgroup/memory/docker", ignored) || fs::exists("/sys/fs/cgroup/docker", ignored);
  auto started = DevEngine::start(directory_ + "/engine");
  if (!started) return started.error();
  engine_ = std::move(*started);
  engine_socket_ = engine_->socket();
  return {};
}

Result<void> DevEnvironment::start_daemon() {
  const auto program = find_daemon();
  if (program.empty()) return Error{ErrorClass::Invalid, "slipwayd is not installed beside slipway"};
  port_ = options_.http_port != 0 ? probe_port(options_.http_port) : probe_port(kUsualPort);
  if (port_ == 0 && options_.http_port != 0) {
    return Error{ErrorClass::Conflict,
                 "port " + std::to_string(options_.http_port) + " on 127.0.0.1 is taken"};
  }
  if (port_ == 0) port_ = probe_port(0);
  auto process =
      ChildProcess::start({"slipwayd",
                           {program, "--database-url", database_url_, "--engine-socket", engine_socket_,
                            "--engine-io", options_.engine_io, "--state-dir", data_ + "/node", "--node-name",
                            options_.node_name, "--http-listen", "127.0.0.1:" + std::to_string(port_)},
                           directory_ + "/log/slipwayd.log",
                           std::nullopt,
                           0,
                           "/"});
  if (!process) return process.error();
  daemon_.emplace(std::move(*process));
  return {};
}

std::vector<ChildProcess*> DevEnvironment::children() {
  std::vector<ChildProcess*> all;
  if (daemon_) all.push_back(&*daemon_);
  if (engine_) {
    for (auto* process : engine_->processes()) all.push_back(process);
  }
  if (postgres_) all.push_back(&postgres_->process());
  return all;
}

Result<void> DevEnvironment::watch(StopSignals& signals) {
  while (!signals.requested(milliseconds(200))) {
    for (auto* child : children()) {
      if (!child->ended()) continue;
      return Error{ErrorClass::Retry, child->obituary() + "; its last lines:\n" + child->last_lines(8)};
    }
  }
  return {};
}

// Containers may go on only where the engine and the daemon's state directory stay, for the next start to
// adopt them.
bool DevEnvironment::detaches() const { return engine_ == nullptr && !options_.data_dir.empty(); }

void DevEnvironment::drain() {
  if (!daemon_ || daemon_->ended() || (postgres_ && postgres_->process().ended())) return;
  store::postgres::PostgresCatalog catalog(database_url_);
  if (!catalog.wish(options_.node_name, store::NodeWish::Drain)) return;
  const bool empty = poll_until(seconds(30), [&] {
    const auto node = catalog.list({store::Table::Nodes, options_.node_name, "", "", 1, false});
    return daemon_->ended() || !node || node->front()["status"].value("live", 0) == 0;
  });
  if (!empty) fail("some executions did not stop within 30 s");
  // A kept database shall find its node willing again at the next start.
  if (!options_.data_dir.empty() || !postgres_) catalog.wish(options_.node_name, store::NodeWish::Uncordon);
}

void DevEnvironment::stop() {
  if (directory_.empty()) return;
  if (!detaches()) drain();
  if (daemon_) daemon_->stop(SIGTERM, seconds(15));
  if (engine_) engine_->stop();
  if (postgres_) postgres_->stop();
  remove_traces();
  directory_.clear();
}

void DevEnvironment::remove_traces() {
  if (!detaches()) {
    const auto instance = first_line_of(data_ + "/node/instance_id");
    if (!instance.empty()) remove_cgroups("slipway/" + instance);
    remove_empty_cgroup("slipway");  // unless another node's are in it
    unmount_below(data_ + "/node");
  }
  if (engine_ && !had_docker_cgroup_) remove_cgroups("docker");
  if (!options_.info_file.empty()) ::unlink(options_.info_file.c_str());
  unmount_below(directory_);
  std::error_code error;
  fs::remove_all(directory_, error);
  if (error) fail("could not remove " + directory_ + ": " + error.message());
}

std::string DevEnvironment::summary() const {
  const auto url = redacted(database_url_);
  std::string text = "Slipway is up.\n";
  text += "  API       http://127.0.0.1:" + std::to_string(port_) + "\n";
  text += "  database  " + (url == database_url_ ? "psql " + shell_word(url) : url) + "\n";
  text += "  engine    " + engine_socket_ + (engine_ ? " (private)" : "") + "\n";
  text += "  data      " + (options_.data_dir.empty() ? "ephemeral" : data_) + "\n";
  return text + "Try it in another terminal:\n" + trial() + "Ctrl-C stops everything that was started.\n";
}

// Every line can be given to a shell as it stands, from any directory.
std::string DevEnvironment::trial() const {
  const auto path = directory_to_add();
  std::string text = path.empty() ? "" : "  export PATH=" + shell_word(path) + ":\"$PATH\"\n";
  // A password is not shown; whoever gave one has it at hand.
  const bool shown = redacted(database_url_) == database_url_;
  text += shown ? "  export SLIPWAY_DATABASE_URL=" + shell_word(database_url_) + "\n"
                : "  # with SLIPWAY_DATABASE_URL as you gave it\n";
  text += "  export DOCKER_HOST=" + shell_word("unix://" + engine_socket_) + "\n";
  const auto samples = find_samples();
  if (samples.empty()) return text + "  slipway get nodes\n  slipway explain agent\n";
  text += "  tar -C " + shell_word(samples) +
          " --owner=0 --group=0 -c momentum | docker import - slipway.local/momentum:demo\n";
  text += "  slipway apply -f " + shell_word(samples + "/momentum.yaml") + "\n";
  text += "  slipway grant u-42 momentum\n";
  return text + "  slipway run momentum --user u-42 --input " + shell_word("@" + samples + "/eth-1h.json") +
         " --follow\n";
}

Result<void> DevEnvironment::write_info_file() const {
  if (options_.info_file.empty()) return {};
  const auto info = nlohmann::json::object({{"database_url", database_url_},
                                            {"engine_socket", engine_socket_},
                                            {"engine_private", engine_ != nullptr},
                                            {"http", "http://127.0.0.1:" + std::to_string(port_)},
                                            {"node", options_.node_name},
                                            {"state_dir", data_ + "/node"},
                                            {"slipwayd_log", directory_ + "/log/slipwayd.log"},
                                            {"slipwayd_pid", daemon_ ? daemon_->pid() : -1},
                                            {"pid", ::getpid()}});
  // Renamed into place: whoever sees the file sees all of it.
  const auto beside = options_.info_file + ".new";
  std::ofstream file(beside);
  file << info.dump(2) << "\n";
  file.close();
  std::error_code error;
  if (file) fs::rename(beside, options_.info_file, error);
  if (!file || error) return Error{ErrorClass::Invalid, "cannot write " + options_.info_file};
  return {};
}

}  // namespace slipway::cli

#include "cmd/slipway/doctor_host.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <fstream>

#include "cmd/slipway/http_get.h"

namespace slipway::cli {
namespace {

constexpr std::uint64_t kGibibyte = 1u << 30;
constexpr std::uint64_t kLeastRoom = kGibibyte / 4;  // below it the next image or result may not fit
constexpr std::uint64_t kScantRoom = 2 * kGibibyte;
constexpr double kScantShare = 0.05;  // of bytes or of inodes

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

/// A file that none but its owner and its group may read.
void check_secret(const std::string& what, const std::string& path, Findings& findings) {
  struct stat facts{};
  if (path.empty()) return;
  if (stat(path.c_str(), &facts) != 0) {
    findings.push_back(failure(what, path + ": " + std::strerror(errno), "a file the daemon can read",
                               "make it, or take the setting out", "security.md"));
  } else if ((facts.st_mode & S_IRWXO) != 0) {
    findings.push_back(warning(what, path + " has mode " + octal(facts.st_mode) + ": others may use it",
                               "0640, root:slipway", "chmod o= " + path, "security.md"));
  } else {
    findings.push_back(good(what, path + ", mode " + octal(facts.st_mode)));
  }
}

/// Runs and results are renamed, mounted and flushed there; and the engine's host is this one.
bool on_network(const std::string& directory) {
  struct statfs facts{};
  if (statfs(directory.c_str(), &facts) != 0) return false;
  constexpr long kCifs = 0xFF534D42;
  constexpr long kSmb2 = 0xFE534D42;
  constexpr long kFuse = 0x65735546;
  constexpr long kCeph = 0x00C36400;
  for (const long type : {long{NFS_SUPER_MAGIC}, kCifs, kSmb2, kFuse, kCeph}) {
    if (static_cast<unsigned>(facts.f_type) == static_cast<unsigned>(type)) return true;
  }
  return false;
}

std::string namespace_of(const std::string& process) {
  char name[PATH_MAX] = {};
  return readlink(("/proc/" + process + "/ns/mnt").c_str(), name, sizeof name - 1) > 0 ? name : "";
}

std::string engine_process(const std::string& socket, const Config& config) {
  for (const auto& pid : {std::to_string(peer_of_unix(socket)), first_line(config.engine_pid_file)}) {
    if (!pid.empty() && first_line("/proc/" + pid + "/comm") == "dockerd") return pid;
  }
  return "";
}

}  // namespace

NodeIdentity read_identity(const Config& config) {
  NodeIdentity here{config.node_name, first_line(config.state_dir + "/instance_id")};
  if (here.name.empty()) here.name = first_line(config.state_dir + "/node_name");
  return here;
}

Findings check_secrets(const std::string& config_file, const Config& config) {
  Findings findings;
  check_secret("config", config_file, findings);
  check_secret("registry", config.registry_auth, findings);
  check_secret("tls-key", config.http_key, findings);
  return findings;
}

Finding check_room(const std::string& what, const std::string& directory) {
  struct statvfs facts{};
  if (statvfs(directory.c_str(), &facts) != 0)
    return warning(what, directory + ": " + std::strerror(errno), "a directory whose room can be seen",
                   "run as root", "capacity.md");
  const auto free = std::uint64_t{facts.f_bavail} * facts.f_frsize;
  const auto share = [](std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole);
  };
  const auto scarce = std::min(share(facts.f_bavail, facts.f_blocks), share(facts.f_favail, facts.f_files));
  char text[64];
  std::snprintf(text, sizeof text, "%.1f GiB free (%.0f %% of room and inodes) in ",
                static_cast<double>(free) / static_cast<double>(kGibibyte), scarce * 100);
  const auto* const action = "make room: docker image prune";
  if (free < kLeastRoom || scarce < kScantShare / 5)
    return failure(what, text + directory, "2 GiB and 5 %", action, "handbook.md");
  if (free < kScantRoom || scarce < kScantShare)
    return warning(what, text + directory, "2 GiB and 5 %", action, "handbook.md");
  return good(what, text + directory);
}

Findings check_state(const std::string& state_dir) {
  struct stat facts{};
  if (stat(state_dir.c_str(), &facts) != 0)
    return {warning("state", state_dir + ": " + std::strerror(errno), "the daemon's directory",
                    "start slipwayd, which makes it", "README.md")};
  if (on_network(state_dir))
    return {failure("state", state_dir + " is on a network file system", "a local one",
                    "set state_dir to a local directory", "README.md")};
  constexpr const char* kWell = "0711: others pass through, and read nothing";
  const auto found = state_dir + " has mode " + octal(facts.st_mode);
  if ((facts.st_mode & S_IWOTH) != 0)
    return {failure("state", found, kWell, "chmod 0711 " + state_dir, "security.md")};
  if ((facts.st_mode & S_IXOTH) == 0)  // which an engine of root overcomes
    return {warning("state", found, kWell, "chmod 0711 " + state_dir, "security.md")};
  return {good("state", state_dir + ", mode " + octal(facts.st_mode)), check_room("state-room", state_dir)};
}

Finding check_socket(const std::string& socket) {
  struct stat facts{};
  if (stat(socket.c_str(), &facts) != 0)
    return failure("socket", socket + ": " + std::strerror(errno), "", "", "");
  if ((facts.st_mode & S_IWOTH) == 0) return good("socket", socket + ", mode " + octal(facts.st_mode));
  return failure("socket", socket + " has mode " + octal(facts.st_mode) + ": everybody is root here",
                 "0660, root:docker", "chmod o= " + socket, "security.md");
}

Findings check_namespaces(const std::string& socket, const Config& config) {
  const auto host = namespace_of("self");  // an operator's shell has the host's
  const auto engine = namespace_of(engine_process(socket, config));
  if (host.empty() || engine.empty() || config.engine_io == "volume") return {};
  Findings findings;
  const auto judge = [&](const std::string& of, const std::string& whose, const char* unit) {
    if (of.empty() || of == host) return;
    findings.push_back(warning(
        "mounts", whose + " has a mount namespace of its own", "the host's, for mount mode",
        std::string("take MountFlags=, PrivateMounts=, PrivateTmp=, ProtectSystem= and their kin out of ") +
            unit + ", or use slipwayd-volume",
        "README.md"));
  };
  judge(engine, "the engine", "docker.service");
  const auto daemon = first_line(config.state_dir + "/lock");
  if (first_line("/proc/" + daemon + "/comm") == "slipwayd")
    judge(namespace_of(daemon), "slipwayd", "slipwayd.service");
  if (findings.empty()) findings.push_back(good("mounts", "the engine sees the host's"));
  return findings;
}

Findings check_http(const Config& config) {
  const auto address = config.http_host + ":" + std::to_string(config.http_port);
  Findings findings;
  if (!is_loopback(config.http_host) && config.http_certificate.empty())
    findings.push_back(warning("listen", address + " without TLS", "loopback, or http.tls",
                               "tokens and results pass in the clear: set http.tls", "security.md"));
  // Elsewhere than on this address, or below TLS, Prometheus is the better judge.
  if (!config.http_certificate.empty() || !(config.http_host == "0.0.0.0" || is_loopback(config.http_host)))
    return findings;
  const auto metrics = get_over_tcp(config.http_port, "/metrics", std::chrono::seconds(3));
  if (!metrics || metrics->status != 200) {
    findings.push_back(warning("metrics", "nobody answers at " + address + "/metrics", "slipwayd",
                               "systemctl status slipwayd slipwayd-volume", "runbooks/SlipwayDown.md"));
  } else {
    findings.push_back(good("metrics", "told at " + address + "/metrics"));
  }
  return findings;
}

}  // namespace slipway::cli

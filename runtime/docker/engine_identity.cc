#include "runtime/docker/engine_identity.h"

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>

namespace slipway::runtime {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Field 22 of /proc/<pid>/stat: start time in clock ticks since boot. The name in field 2 may hold spaces
/// and brackets.
std::optional<std::int64_t> start_ticks(pid_t pid) {
  const std::string stat = first_line("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int i = 3; i < 22; ++i) fields >> skipped;
  std::int64_t ticks = 0;
  if (!(fields >> ticks)) return std::nullopt;
  return ticks;
}

std::chrono::nanoseconds read_clock(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

TimePoint wall_time_of(std::int64_t ticks) {
  const auto booted = read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME);
  const auto since_boot = std::chrono::nanoseconds(ticks * (1'000'000'000 / sysconf(_SC_CLK_TCK)));
  return TimePoint(std::chrono::duration_cast<Duration>(booted + since_boot));
}

std::optional<EngineProcess> engine_process(pid_t pid) {
  if (pid <= 0 || first_line("/proc/" + std::to_string(pid) + "/comm") != "dockerd") return std::nullopt;
  const auto ticks = start_ticks(pid);
  if (!ticks) return std::nullopt;
  return EngineProcess{std::to_string(pid) + "@" + std::to_string(*ticks), wall_time_of(*ticks)};
}

pid_t peer_pid(int socket_fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

pid_t pid_in(const std::string& pid_file) {
  std::ifstream file(pid_file);
  pid_t pid = 0;
  return file >> pid ? pid : 0;
}

}  // namespace

EngineProcess identify_engine(int socket_fd, const std::string& pid_file, const std::string& fallback) {
  if (auto process = engine_process(peer_pid(socket_fd))) return *process;
  if (auto process = engine_process(pid_in(pid_file))) return *process;
  return EngineProcess{fallback, TimePoint{}};
}

}  // namespace slipway::runtime

#include "runtime/docker/engine_identity.h"

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <optional>
#include <sstream>

namespace slipway::runtime {
namespace {

constexpr std::size_t kShortFile = 4096;

/// Empty: not there.
Result<std::string> first_line(Host& host, const std::string& path) {
  auto text = host.read(path, kShortFile);
  if (!text && text.error().error_class == ErrorClass::NotFound) return std::string();
  if (!text) return text.error();
  return text->substr(0, text->find('\n'));
}

/// Field 22 of /proc/<pid>/stat: start time in clock ticks since boot. The name in field 2 may hold spaces
/// and brackets.
std::optional<std::int64_t> start_ticks(const std::string& stat) {
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

Result<std::optional<EngineProcess>> engine_process(Host& host, pid_t pid) {
  if (pid <= 0) return std::optional<EngineProcess>();
  const std::string directory = "/proc/" + std::to_string(pid);
  const auto name = first_line(host, directory + "/comm");
  if (!name) return name.error();
  if (*name != "dockerd") return std::optional<EngineProcess>();
  const auto stat = first_line(host, directory + "/stat");
  if (!stat) return stat.error();
  const auto ticks = start_ticks(*stat);
  if (!ticks) return std::optional<EngineProcess>();
  return std::optional(
      EngineProcess{std::to_string(pid) + "@" + std::to_string(*ticks), wall_time_of(*ticks)});
}

pid_t peer_pid(int socket_fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

Result<pid_t> pid_in(Host& host, const std::string& pid_file) {
  const auto line = first_line(host, pid_file);
  if (!line) return line.error();
  pid_t pid = 0;
  return std::istringstream(*line) >> pid ? pid : 0;
}

}  // namespace

Result<std::optional<Duration>> process_age(Host& host, pid_t pid, const std::string& cgroup) {
  if (pid <= 0) return std::optional<Duration>();
  const std::string directory = "/proc/" + std::to_string(pid);
  const auto table = host.read(directory + "/cgroup", kShortFile);
  if (!table && table.error().error_class != ErrorClass::NotFound) return table.error();
  if (!table || table->find(":" + cgroup + "/") == std::string::npos) return std::optional<Duration>();
  const auto stat = first_line(host, directory + "/stat");
  if (!stat) return stat.error();
  const auto ticks = start_ticks(*stat);
  if (!ticks) return std::optional<Duration>();
  const auto began = std::chrono::nanoseconds(*ticks * (1'000'000'000 / sysconf(_SC_CLK_TCK)));
  const auto age = std::chrono::duration_cast<Duration>(read_clock(CLOCK_BOOTTIME) - began);
  return std::optional(std::max(age, Duration{0}));
}

Result<EngineProcess> identify_engine(Host& host, int socket_fd, const std::string& pid_file,
                                      const std::string& fallback) {
  const auto peer = engine_process(host, peer_pid(socket_fd));
  if (!peer) return peer.error();
  if (*peer) return **peer;
  const auto pid = pid_in(host, pid_file);
  if (!pid) return pid.error();
  const auto named = engine_process(host, *pid);
  if (!named) return named.error();
  return named->value_or(EngineProcess{fallback, TimePoint{}});
}

}  // namespace slipway::runtime

#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "api/clock.h"
#include "api/execution.h"
#include "api/result.h"
#include "runtime/host/host.h"

namespace slipway::runtime {

/// The engine's process as this host sees it.
struct EngineProcess {
  EngineIdentity
      identity;  ///< "<pid>@<start ticks>", or "unknown-…": then every broken connection is a new life
  TimePoint started_at;  ///< zero when unknown
};

/// Since this process began, by the clock since boot. None: there is no such process in this cgroup, as to a
/// daemon in a container, where the number may be another's.
Result<std::optional<Duration>> process_age(Host& host, pid_t pid, const std::string& cgroup);

/// Tells the process behind a connected unix socket: its peer if that is dockerd, else the one in `pid_file`,
/// else `fallback` (a value the caller changes with every broken connection). An error when that cannot be
/// looked at: an engine taken for another one is taken to have restarted.
Result<EngineProcess> identify_engine(Host& host, int socket_fd, const std::string& pid_file,
                                      const std::string& fallback);

}  // namespace slipway::runtime

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/host/host.h"

namespace slipway::runtime {

/// What an attempt's cgroup remembers after the exit of everything in it. Not there, or not to be read:
/// unknown.
struct CgroupUsage {
  std::optional<std::int64_t> peak_memory_bytes;
  std::optional<std::int64_t> cpu_ns;
};

/// The cgroups below one parent, in the hierarchies of version 1 and in the one of version 2 alike. Functions
/// block (pool). A path is relative to the hierarchies' roots, e.g. "/slipway/node-1/slipway-…-1". What
/// cannot be read is an error: a cgroup whose processes cannot be listed is not an empty one.
class Cgroups {
 public:
  /// `root` is where the hierarchies are mounted.
  explicit Cgroups(Host& host, std::string root = "/sys/fs/cgroup");

  Result<bool> exists(const std::string& path) const;  ///< in any hierarchy
  CgroupUsage usage(const std::string& path) const;
  /// How many processes in it, and below, the kernel has killed for want of memory; it remembers them after
  /// their end. Unknown where it does not count them so: version 1 counts those of one cgroup alone.
  std::optional<std::int64_t> oom_kills(const std::string& path) const;
  /// Has any process ever been in it, or below? As far as the cgroup is there, and remembers.
  Result<bool> was_used(const std::string& path) const;
  /// Kills whatever is in the cgroup and below, again and again until it is empty. false: still not after two
  /// seconds.
  Result<bool> kill_all(const std::string& path) const;
  /// Removes the (empty) cgroup and those below it. true: verified gone from every hierarchy.
  Result<bool> remove(const std::string& path) const;
  /// Names of the cgroups directly below `parent`, in any hierarchy.
  Result<std::vector<std::string>> children(const std::string& parent) const;

 private:
  struct Hierarchies {
    std::vector<std::string> all;  ///< mount points, e.g. /sys/fs/cgroup/memory
    std::string memory, cpu;       ///< the ones that account for these
  };
  Result<Hierarchies> find() const;
  /// Looked for until it was found once.
  Result<Hierarchies> hierarchies() const;
  Result<std::set<pid_t>> members(const Hierarchies& where, const std::string& path) const;
  void thaw(const std::string& root) const;

  Host& host_;
  std::string root_;
  mutable std::mutex mutex_;
  mutable std::optional<Hierarchies> found_;
};

}  // namespace slipway::runtime

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace slipway::runtime {

/// What an attempt's cgroup remembers after the exit of everything in it.
struct CgroupUsage {
  std::optional<std::int64_t> peak_memory_bytes;
  std::optional<std::int64_t> cpu_ms;
};

/// The cgroups below one parent, in the hierarchies of version 1 and in the one of version 2 alike. Functions
/// block (pool). A path is relative to the hierarchies' roots, e.g. "/slipway/node-1/slipway-…-1".
class Cgroups {
 public:
  /// `root` is where the hierarchies are mounted.
  explicit Cgroups(std::string root = "/sys/fs/cgroup");

  bool exists(const std::string& path) const;  ///< in any hierarchy
  CgroupUsage usage(const std::string& path) const;
  /// Kills whatever is in the cgroup and below, again and again until it is empty. false: still not after two
  /// seconds.
  bool kill_all(const std::string& path) const;
  /// Removes the (empty) cgroup and those below it. true: verified gone from every hierarchy.
  bool remove(const std::string& path) const;
  /// Names of the cgroups directly below `parent`, in any hierarchy.
  std::vector<std::string> children(const std::string& parent) const;

 private:
  std::set<pid_t> members(const std::string& path) const;
  std::vector<std::string> hierarchies_;  ///< mount points, e.g. /sys/fs/cgroup/memory
  std::string memory_, cpu_;              ///< the ones that account for these
};

}  // namespace slipway::runtime

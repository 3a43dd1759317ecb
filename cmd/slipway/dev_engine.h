#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/result.h"
#include "cmd/slipway/child_process.h"

namespace slipway::cli {

/// A private container engine: containerd and dockerd beside it, all roots below one directory, no network of
/// its own. Needs root.
class DevEngine {
 public:
  static Result<std::unique_ptr<DevEngine>> start(const std::string& directory);
  const std::string& socket() const { return socket_; }
  std::vector<ChildProcess*> processes();
  /// Ends both, whatever still runs in a container of theirs, and their mounts.
  void stop();

 private:
  explicit DevEngine(std::string directory)
      : directory_(std::move(directory)), socket_(directory_ + "/docker.sock") {}
  Result<void> start_containerd();
  Result<void> start_dockerd();

  std::string directory_;
  std::string socket_;
  std::optional<ChildProcess> containerd_;
  std::optional<ChildProcess> dockerd_;
};

/// Kills what is left of processes whose command line names the directory (shims of a private engine).
void kill_leftovers(const std::string& directory);
/// Unmounts everything below the directory, deepest first.
void unmount_below(const std::string& directory);
/// Removes the empty control groups named so, and those in them, in every hierarchy.
void remove_cgroups(const std::string& name);
/// The same of the one alone: nothing happens while there is another in it.
void remove_empty_cgroup(const std::string& name);

}  // namespace slipway::cli

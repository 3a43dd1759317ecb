#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/execution.h"
#include "api/result.h"

namespace slipway::runtime {

/// The files of attempts on this host: <state_dir>/runs/<container name>/{input,output}. Every function
/// blocks and is called on the pool. Names are container names made by us, never a stranger's text.
class RunFiles {
 public:
  explicit RunFiles(std::string state_dir) : runs_(std::move(state_dir) + "/runs") {}

  std::string input_dir(const std::string& name) const { return runs_ + "/" + name + "/input"; }
  std::string output_dir(const std::string& name) const { return runs_ + "/" + name + "/output"; }

  /// Has this attempt a directory here?
  bool exists(const std::string& name) const;

  /// Directories, input.json and the sized tmpfs. Idempotent: what is there is kept, a mount is never
  /// stacked. Conflict: the input is fenced. Unsupported: this process may not mount.
  Result<void> prepare(const std::string& name, const std::string& input, std::int64_t output_bytes, int user,
                       int group) const;

  /// Renames the input directory. Idempotent; NotFound when the attempt has no directory at all.
  Result<void> fence(const std::string& name) const;
  bool fenced(const std::string& name) const;

  /// Opens /output/result.json with every distrust it deserves.
  void read_result(const std::string& name, std::int64_t cap, Evidence& evidence) const;

  /// Unmounts and deletes. true: mounts and directory are verified gone.
  Result<bool> remove(const std::string& name) const;

  /// Names of all attempts that have a directory here.
  std::vector<std::string> leftovers() const;

  /// Is something mounted exactly there (per /proc/self/mountinfo)?
  static bool is_mounted(const std::string& path);

 private:
  std::string runs_;
};

}  // namespace slipway::runtime

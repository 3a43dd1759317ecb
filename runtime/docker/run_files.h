#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/execution.h"
#include "api/result.h"
#include "runtime/host/host.h"

namespace slipway::runtime {

/// The files of attempts on this host: <state_dir>/runs/<container name>/{input,output}. Every function
/// blocks and is called on the pool. Names are container names made by us, never a stranger's text. What
/// cannot be read is an error, never an answer.
class RunFiles {
 public:
  RunFiles(Host& host, std::string state_dir) : host_(host), runs_(std::move(state_dir) + "/runs") {}

  std::string input_dir(const std::string& name) const { return run_dir(name) + "/input"; }
  std::string output_dir(const std::string& name) const { return run_dir(name) + "/output"; }

  /// Has this attempt a directory here?
  Result<bool> exists(const std::string& name) const;

  /// Directories, input.json and the sized tmpfs. Idempotent: what is there is kept, a mount is never
  /// stacked. Conflict: the input is fenced. Unsupported: this process may not mount.
  Result<void> prepare(const std::string& name, const std::string& input, std::int64_t output_bytes, int user,
                       int group) const;

  /// Renames the input directory. Idempotent; NotFound when the attempt has no directory at all.
  Result<void> fence(const std::string& name) const;
  Result<bool> fenced(const std::string& name) const;
  /// No start may be sent any more: its input is away, or its mounts went with an earlier boot of this host.
  Result<bool> cut_off(const std::string& name) const;

  /// Opens /output/result.json with every distrust it deserves.
  Result<void> read_result(const std::string& name, std::int64_t cap, Evidence& evidence) const;

  /// Unmounts and deletes. true: mounts and directory are verified gone.
  Result<bool> remove(const std::string& name) const;

  /// Names of all attempts that have a directory here.
  Result<std::vector<std::string>> leftovers() const;

 private:
  std::string run_dir(const std::string& name) const { return runs_ + "/" + name; }
  Result<bool> is_mounted(const std::string& name) const;
  Result<void> write_input(const std::string& name, const std::string& input) const;

  Host& host_;
  std::string runs_;
};

}  // namespace slipway::runtime

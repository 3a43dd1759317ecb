#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "api/result.h"

namespace slipway::runtime {

struct DirectoryEntry {
  std::string name;
  bool directory = false;  ///< of its own: a link to one is none
};

/// What stands at a path; a link is not followed.
struct PathFacts {
  bool directory = false;
  std::uint64_t device = 0;
  std::uint64_t links = 0;
};

/// What can still be written. A file system that does not count its files has as many as there can be.
struct Room {
  std::int64_t bytes = 0;
  std::int64_t files = 0;
};

/// A file whose writer is not trusted.
struct UntrustedFile {
  std::string bytes;  ///< at most the cap
  bool too_large = false;
};

/// This machine's files, mounts and processes. Every call blocks, and is made on the pool. Paths are made by
/// us, never a stranger's text.
///
/// Errors, classed where they happen (errno_class.h):
///   NotFound     it is not there
///   Invalid      it is not what was asked for: no regular file, no directory
///   StorageFull  no room
///   Unsupported  this process may not
///   Conflict     in use, or not empty
///   Retry        whatever else: no descriptors, no memory, a broken disk. Nothing is known
class Host {
 public:
  virtual ~Host() = default;

  // --- files
  virtual Result<PathFacts> look(const std::string& path) = 0;
  /// The first `cap` bytes of a file of ours or the kernel's.
  virtual Result<std::string> read(const std::string& path, std::size_t cap) = 0;
  /// `name` directly in `directory`, with every distrust. Invalid: a link, directory, pipe or device, of
  /// several names, or on another file system.
  virtual Result<UntrustedFile> read_untrusted(const std::string& directory, const std::string& name,
                                               std::size_t cap) = 0;
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& directory) = 0;
  /// Of the file system the directory is on, to a process without privileges.
  virtual Result<Room> room(const std::string& directory) = 0;
  /// Idempotent; the mode is as asked, whatever the umask says.
  virtual Result<void> make_directory(const std::string& path, mode_t mode) = 0;
  /// Made anew; what was there is lost.
  virtual Result<void> write(const std::string& path, const std::string& bytes, mode_t mode) = 0;
  /// One short write into a file that is there, e.g. of the kernel's.
  virtual Result<void> control(const std::string& path, const std::string& text) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove_directory(const std::string& path) = 0;
  /// With everything below it. Idempotent.
  virtual Result<void> remove_tree(const std::string& path) = 0;

  // --- mounts
  virtual Result<void> mount_tmpfs(const std::string& path, const std::string& options) = 0;
  /// `detach`: also one that is in use. Conflict: in use.
  virtual Result<void> unmount(const std::string& path, bool detach) = 0;

  // --- processes
  /// Kills the process if it is in this cgroup, or one below it. By descriptor: its number may have been
  /// given to another meanwhile. Who has gone, or is elsewhere, is a success.
  virtual Result<void> kill_in_cgroup(pid_t pid, const std::string& cgroup) = 0;

  // --- the service manager
  /// Has systemd stop and forget a unit. One that it does not know is a success. Unsupported: no systemd is
  /// heard, or it does not do that for us.
  virtual Result<void> stop_unit(const std::string& unit) = 0;
};

/// This machine. Lives for ever.
Host& posix_host();

/// true, false, or an error: what is not known is never false.
Result<bool> exists(Host& host, const std::string& path);

/// Of a line of /proc/<pid>/cgroup, "4:memory:/a/b": is it `cgroup` or below it?
bool is_in_cgroup(std::string_view line, std::string_view cgroup);

}  // namespace slipway::runtime

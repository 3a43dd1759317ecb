#pragma once

#include <filesystem>
#include <string>

namespace slipway::bench {

/// A private tmpfs, a private cgroup parent and a disk for the engine, all gone with the object.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::string& cgroup_parent() const { return cgroup_; }
  /// A fresh ext4 with a journal, in a file: without a journal that file system passes over every inode freed
  /// in the last minute, one by one, which made a container cost 10 ms more than the one a minute before.
  /// /tmp where no such disk can be mounted.
  const std::string& disk() const { return disk_; }

 private:
  std::filesystem::path path_;
  std::string cgroup_;
  std::string disk_ = "/tmp";
};

/// Removes an empty cgroup from every hierarchy (version 1) or the one (version 2).
void remove_cgroup(const std::string& name);

}  // namespace slipway::bench

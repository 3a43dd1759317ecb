#pragma once

#include <filesystem>
#include <string>

namespace slipway::bench {

/// A private tmpfs and a private cgroup parent, both gone with the object.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const std::string& cgroup_parent() const { return cgroup_; }

 private:
  std::filesystem::path path_;
  std::string cgroup_;
};

/// Removes an empty cgroup from every hierarchy (version 1) or the one (version 2).
void remove_cgroup(const std::string& name);

}  // namespace slipway::bench

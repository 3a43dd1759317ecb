#include "test/bench/scratch.h"

#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace slipway::bench {

namespace fs = std::filesystem;

Scratch::Scratch() : cgroup_("slipway-bench-" + std::to_string(::getpid())) {
  std::string pattern = "/tmp/slipway-bench.XXXXXX";
  if (!::mkdtemp(pattern.data())) throw std::system_error(errno, std::system_category(), "mkdtemp");
  path_ = pattern;
  if (::mount("slipway-bench", path_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=256m,mode=0755") != 0) {
    const int error = errno;
    fs::remove(path_);
    throw std::system_error(error, std::system_category(), "the bench mounts a tmpfs and needs root");
  }
}

Scratch::~Scratch() {
  std::error_code ignored;
  ::umount2(path_.c_str(), MNT_DETACH);
  fs::remove(path_, ignored);
  remove_cgroup(cgroup_);
}

namespace {

/// Children before parents; what still has processes stays.
void remove_group(const fs::path& group) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(group, ignored)) {
    if (entry.is_directory(ignored)) remove_group(entry.path());
  }
  ::rmdir(group.c_str());
}

}  // namespace

void remove_cgroup(const std::string& name) {
  std::error_code ignored;
  remove_group(fs::path("/sys/fs/cgroup") / name);
  for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup", ignored))
    if (!hierarchy.is_symlink(ignored)) remove_group(hierarchy.path() / name);
}

}  // namespace slipway::bench

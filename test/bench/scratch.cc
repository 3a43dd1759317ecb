#include "test/bench/scratch.h"

#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace slipway::bench {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDiskSize = "8G";  // sparse

bool mount_disk(const std::string& at) {
  const std::string image = at + ".ext4";
  const std::string commands = "mkdir " + at + " && truncate -s " + kDiskSize + " " + image +
                               " && mkfs.ext4 -q -F " + image + " && mount -o loop " + image + " " + at;
  return std::system((commands + " 2>/dev/null").c_str()) == 0;
}

}  // namespace

Scratch::Scratch() : cgroup_("slipway-bench-" + std::to_string(::getpid())) {
  std::string pattern = "/tmp/slipway-bench.XXXXXX";
  if (!::mkdtemp(pattern.data())) throw std::system_error(errno, std::system_category(), "mkdtemp");
  path_ = pattern;
  if (::mount("slipway-bench", path_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=256m,mode=0755") != 0) {
    const int error = errno;
    fs::remove(path_);
    throw std::system_error(error, std::system_category(), "the bench mounts a tmpfs and needs root");
  }
  if (const std::string own = path_.string() + ".disk"; mount_disk(own))
    disk_ = own;
  else
    std::fputs("no loop device for a disk of its own: the engine's data lies in /tmp\n", stderr);
}

Scratch::~Scratch() {
  std::error_code ignored;
  const std::string own = path_.string() + ".disk";
  ::umount2(own.c_str(), MNT_DETACH);
  fs::remove(own, ignored);
  fs::remove(own + ".ext4", ignored);
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

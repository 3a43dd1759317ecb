#include "test/packaging/packages.h"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "test/support/command/command.h"

namespace slipway::test {
namespace {

namespace fs = std::filesystem;

fs::path new_directory(const char* what) {
  std::string name = std::string("/tmp/slipway-") + what + "-XXXXXX";
  if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp " + name);
  ::chmod(name.c_str(), 0755);
  return name;
}

std::string build_dir() { return std::getenv("SLIPWAY_BUILD_DIR"); }

/// What apt asks on this machine, asked by the new root as well.
constexpr const char* kSameSources =
    "mkdir -p $R/etc/apt/apt.conf.d && cp -a /etc/apt/sources.list* $R/etc/apt/ 2>/dev/null; "
    "for f in /etc/apt/apt.conf.d/*proxy* /etc/apt/apt.conf.d/*registry*; do [ -f $f ] && cp $f "
    "$R/etc/apt/apt.conf.d/; done; cp -L /etc/resolv.conf /etc/hosts $R/etc/ 2>/dev/null; true";

}  // namespace

std::string sh(const std::string& line) {
  Command command({"/bin/bash", "-o", "pipefail", "-ec", line});
  const auto ran = command.finish(std::chrono::seconds(600));
  if (ran.exit_code != 0)
    throw std::runtime_error(line + ": " + std::to_string(ran.exit_code) + "\n" + ran.out + ran.err);
  return ran.out + ran.err;
}

Packages::Packages(const std::string& version) : dir_(new_directory("packages")) {
  sh("cd " + build_dir() + " && cpack --config CPackConfig.cmake -R " + version + " -B " + dir_.string() +
     " && rm -rf " + (dir_ / "_CPack_Packages").string());
}
Packages::~Packages() {
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

namespace {

/// The archive of a fresh root. Two tests want it, and begin together: one makes it, the other waits.
std::string kept_root() {
  auto kept = build_dir() + "/clean-root.tar";
  if (fs::exists(kept)) return kept;
  const auto known =
      sh("apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -1 | tr -d '\\n'");
  const std::string mirror = known.empty() ? "http://deb.debian.org/debian" : known;
  const auto made = new_directory("bootstrap").string();
  sh("trap 'rm -rf " + made + "' EXIT; exec 9>" + kept + ".lock; flock -w 500 9; [ ! -e " + kept +
     " ] || exit 0; debootstrap --variant=minbase bookworm " + made + " " + mirror + "; rm -rf " + made +
     "/var/cache/apt/archives/*.deb; tar -C " + made + " -cf " + kept + ".new .; mv " + kept + ".new " +
     kept);
  return kept;
}

}  // namespace

CleanRoot::CleanRoot() {
  const auto kept = kept_root();
  dir_ = new_directory("root");
  sh("tar -C " + dir_.string() + " -xf " + kept + "; R=" + dir_.string() + "; " + kSameSources);
}
CleanRoot::~CleanRoot() {
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

std::string CleanRoot::run(const std::string& line) const {
  return sh(
      "unshare --mount --pid --fork --kill-child --mount-proc=" + dir_.string() + "/proc chroot " +
      dir_.string() +
      " /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive /bin/sh -ec '" +
      line + "'");
}

void CleanRoot::install(const Packages& packages) const {
  sh("rm -rf " + dir_.string() + "/packages && cp -r " + packages.dir().string() + " " + dir_.string() +
     "/packages");
  run("apt-get update -q && apt-get install -y -q --no-install-recommends /packages/*.deb");
}

}  // namespace slipway::test

#include "runtime/docker/run_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "runtime/docker/create_body.h"
#include "runtime/docker/descriptor.h"

namespace slipway::runtime {
namespace {

namespace fs = std::filesystem;

Error failed(const std::string& what, int code) {
  const bool full = code == ENOSPC || code == EDQUOT;
  const bool unable = code == EPERM || code == EACCES;
  return Error{full     ? ErrorClass::StorageFull
               : unable ? ErrorClass::Unsupported
                        : ErrorClass::Retry,
               what + ": " + std::strerror(code)};
}

Result<void> make_dir(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return failed("mkdir " + path, errno);
  if (chmod(path.c_str(), mode) != 0) return failed("chmod " + path, errno);  // whatever the umask says
  return {};
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed("write input", errno);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

/// Written beside and renamed, so that a torn file is never taken for the input.
Result<void> write_input(const std::string& directory, const std::string& input) {
  const std::string final_path = directory + "/input.json";
  if (access(final_path.c_str(), F_OK) == 0) return {};
  const std::string draft = directory + "/.input.json";
  Descriptor file(open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0444));
  if (!file) return failed("open " + draft, errno);
  fchmod(file.get(), 0444);
  if (auto wrote = write_all(file.get(), input); !wrote) return wrote;
  if (rename(draft.c_str(), final_path.c_str()) != 0) return failed("rename " + draft, errno);
  return {};
}

Result<void> mount_output(const std::string& path, std::int64_t bytes, int user, int group) {
  if (RunFiles::is_mounted(path)) return {};
  const std::string options = "size=" + std::to_string(bytes) +
                              ",nr_inodes=" + std::to_string(kOutputInodes) +
                              ",mode=0700,uid=" + std::to_string(user) + ",gid=" + std::to_string(group);
  if (mount("slipway-output", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.c_str()) !=
      0) {
    return failed("mount tmpfs on " + path, errno);
  }
  return {};
}

Descriptor open_beneath(int directory, const char* name) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  return Descriptor(static_cast<int>(syscall(SYS_openat2, directory, name, &how, sizeof how)));
}

std::string read_up_to(int fd, std::size_t cap) {
  std::string bytes;
  char piece[64 * 1024];
  while (bytes.size() < cap) {
    const ssize_t got = read(fd, piece, std::min(sizeof piece, cap - bytes.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    bytes.append(piece, static_cast<std::size_t>(got));
  }
  return bytes;
}

}  // namespace

/// A tmpfs is a device of its own, so its root differs from the directory it is mounted in.
bool RunFiles::is_mounted(const std::string& path) {
  struct stat here{}, above{};
  if (lstat(path.c_str(), &here) != 0 || lstat(fs::path(path).parent_path().c_str(), &above) != 0)
    return false;
  return here.st_dev != above.st_dev;
}

Result<void> RunFiles::prepare(const std::string& name, const std::string& input, std::int64_t output_bytes,
                               int user, int group) const {
  const std::string run = runs_ + "/" + name;
  if (auto made = make_dir(runs_, 0700); !made) return made;
  if (auto made = make_dir(run, 0700); !made) return made;
  if (fenced(name)) return Error{ErrorClass::Conflict, run + " is fenced"};
  if (auto made = make_dir(input_dir(name), 0755); !made) return made;
  if (auto wrote = write_input(input_dir(name), input); !wrote) return wrote;
  if (!is_mounted(output_dir(name))) {
    if (auto made = make_dir(output_dir(name), 0700); !made) return made;
  }
  return mount_output(output_dir(name), output_bytes, user, group);
}

Result<void> RunFiles::fence(const std::string& name) const {
  const std::string away = input_dir(name) + ".fenced";
  if (rename(input_dir(name).c_str(), away.c_str()) == 0) return {};
  if (errno != ENOENT) return failed("rename " + input_dir(name), errno);
  // Nothing there means that no start can find it either. Leave the mark, so that nobody makes the directory
  // anew.
  if (fenced(name)) return {};
  if (access((runs_ + "/" + name).c_str(), F_OK) != 0)
    return Error{ErrorClass::NotFound, name + " has no directory"};
  return make_dir(away, 0700);
}

bool RunFiles::exists(const std::string& name) const {
  return access((runs_ + "/" + name).c_str(), F_OK) == 0;
}

bool RunFiles::fenced(const std::string& name) const {
  return access((input_dir(name) + ".fenced").c_str(), F_OK) == 0 &&
         access(input_dir(name).c_str(), F_OK) != 0;
}

void RunFiles::read_result(const std::string& name, std::int64_t cap, Evidence& evidence) const {
  evidence.result_state = Evidence::ResultState::Missing;
  const Descriptor directory(open(output_dir(name).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return;
  const Descriptor file = open_beneath(directory.get(), "result.json");
  if (!file) {
    if (errno != ENOENT) evidence.result_state = Evidence::ResultState::NotRegular;
    return;
  }
  struct stat facts{};
  if (fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_nlink != 1) {
    evidence.result_state = Evidence::ResultState::NotRegular;
    return;
  }
  evidence.result_state =
      facts.st_size > cap ? Evidence::ResultState::TooLarge : Evidence::ResultState::Present;
  evidence.result =
      read_up_to(file.get(), static_cast<std::size_t>(std::min<std::int64_t>(cap, facts.st_size)));
  struct statvfs room{};
  evidence.output_full = fstatvfs(directory.get(), &room) == 0 && room.f_bavail == 0;
}

Result<bool> RunFiles::remove(const std::string& name) const {
  const std::string run = runs_ + "/" + name;
  const std::string output = output_dir(name);
  // Bounded: a stack of mounts can only come from outside, but it must not make this loop endless.
  for (int i = 0; i < 8 && is_mounted(output); ++i) {
    if (umount2(output.c_str(), UMOUNT_NOFOLLOW) == 0) continue;
    if (errno != EBUSY) return failed("umount " + output, errno);
    if (umount2(output.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0) return failed("umount " + output, errno);
  }
  if (is_mounted(output)) return false;
  std::error_code error;
  fs::remove_all(run, error);
  if (error) return failed("remove " + run, error.value());
  return access(run.c_str(), F_OK) != 0;
}

std::vector<std::string> RunFiles::leftovers() const {
  std::vector<std::string> names;
  std::error_code ignored;
  for (auto entry = fs::directory_iterator(runs_, ignored); !ignored && entry != fs::directory_iterator();
       entry.increment(ignored)) {
    names.push_back(entry->path().filename().string());
  }
  return names;
}

}  // namespace slipway::runtime

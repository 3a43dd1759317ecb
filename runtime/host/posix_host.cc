#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <memory>

#include "runtime/host/descriptor.h"
#include "runtime/host/errno_class.h"
#include "runtime/host/host.h"
#include "runtime/host/system_bus.h"

namespace slipway::runtime {
namespace {

constexpr std::size_t kProcFile = 64 * 1024;
constexpr int kInterrupted = 100;  // a call that signals break more often than this is given up

/// Makes the call again while a signal breaks it.
template <class Call>
auto unbroken(Call call) {
  auto answer = call();
  for (int round = 0; answer < 0 && errno == EINTR && round < kInterrupted; ++round) answer = call();
  return answer;
}

Descriptor open_at(int directory, const std::string& path, int flags, mode_t mode = 0) {
  return Descriptor(unbroken([&] { return openat(directory, path.c_str(), flags | O_CLOEXEC, mode); }));
}

Result<std::string> read_up_to(int fd, std::size_t cap, const std::string& what) {
  std::string bytes;
  char piece[16 * 1024];
  while (bytes.size() < cap) {
    const ssize_t got =
        unbroken([&] { return ::read(fd, piece, std::min(sizeof piece, cap - bytes.size())); });
    if (got < 0) return errno_error("read " + what, errno);
    if (got == 0) break;
    bytes.append(piece, static_cast<std::size_t>(got));
  }
  return bytes;
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t wrote = unbroken([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (wrote < 0) return errno_error("write " + what, errno);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

class PosixHost final : public Host {
 public:
  Result<PathFacts> look(const std::string& path) override {
    struct stat facts{};
    if (lstat(path.c_str(), &facts) != 0) return errno_error("stat " + path, errno);
    return PathFacts{S_ISDIR(facts.st_mode), facts.st_dev, facts.st_nlink};
  }

  Result<std::string> read(const std::string& path, std::size_t cap) override {
    const Descriptor file = open_at(AT_FDCWD, path, O_RDONLY);
    if (!file) return errno_error("open " + path, errno);
    return read_up_to(file.get(), cap, path);
  }

  // One component, never followed, on the directory's own file system: what openat2 would ask for beneath it,
  // on every kernel and under every seccomp filter.
  Result<UntrustedFile> read_untrusted(const std::string& directory, const std::string& name,
                                       std::size_t cap) override {
    const std::string what = directory + "/" + name;
    const Descriptor parent = open_at(AT_FDCWD, directory, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!parent) return errno_error("open " + directory, errno);
    const Descriptor file = open_at(parent.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!file) return errno_error("open " + what, errno);
    struct stat facts{}, above{};
    if (fstat(file.get(), &facts) != 0 || fstat(parent.get(), &above) != 0)
      return errno_error("stat " + what, errno);
    if (!S_ISREG(facts.st_mode) || facts.st_nlink != 1 || facts.st_dev != above.st_dev)
      return Error{ErrorClass::Invalid, what + " is no regular file of one name"};
    auto bytes = read_up_to(file.get(), std::min(cap, static_cast<std::size_t>(facts.st_size)), what);
    if (!bytes) return bytes.error();
    return UntrustedFile{std::move(*bytes), static_cast<std::size_t>(facts.st_size) > cap};
  }

  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(directory.c_str()), &closedir);
    if (!open) return errno_error("list " + directory, errno);
    std::vector<DirectoryEntry> entries;
    while (true) {
      errno = 0;
      const dirent* entry = readdir(open.get());
      if (!entry && errno != 0) return errno_error("list " + directory, errno);
      if (!entry) return entries;
      const std::string name = entry->d_name;
      if (name != "." && name != "..") entries.push_back({name, entry->d_type == DT_DIR});
    }
  }

  Result<Room> room(const std::string& directory) override {
    struct statvfs room{};
    if (statvfs(directory.c_str(), &room) != 0) return errno_error("statvfs " + directory, errno);
    constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
    return Room{static_cast<std::int64_t>(room.f_bavail * room.f_frsize),
                room.f_files == 0 ? kMost : static_cast<std::int64_t>(room.f_favail)};
  }

  Result<void> make_directory(const std::string& path, mode_t mode) override {
    if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return errno_error("mkdir " + path, errno);
    if (chmod(path.c_str(), mode) != 0) return errno_error("chmod " + path, errno);
    return {};
  }

  Result<void> write(const std::string& path, const std::string& bytes, mode_t mode) override {
    const Descriptor file = open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
    if (!file) return errno_error("open " + path, errno);
    if (fchmod(file.get(), mode) != 0) return errno_error("chmod " + path, errno);
    return write_all(file.get(), bytes, path);
  }

  Result<void> control(const std::string& path, const std::string& text) override {
    const Descriptor file = open_at(AT_FDCWD, path, O_WRONLY);
    if (!file) return errno_error("open " + path, errno);
    return write_all(file.get(), text, path);
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return errno_error("rename " + from, errno);
    return {};
  }

  Result<void> remove_directory(const std::string& path) override {
    if (rmdir(path.c_str()) != 0) return errno_error("rmdir " + path, errno);
    return {};
  }

  Result<void> remove_tree(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return errno_error("remove " + path, error.value());
    return {};
  }

  Result<void> mount_tmpfs(const std::string& path, const std::string& options) override {
    const auto flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (mount("slipway-output", path.c_str(), "tmpfs", flags, options.c_str()) != 0)
      return errno_error("mount tmpfs on " + path, errno);
    return {};
  }

  Result<void> unmount(const std::string& path, bool detach) override {
    if (umount2(path.c_str(), UMOUNT_NOFOLLOW | (detach ? MNT_DETACH : 0)) != 0)
      return errno_error("umount " + path, errno);
    return {};
  }

  // The descriptor pins the process before its membership is read.
  Result<void> kill_in_cgroup(pid_t pid, const std::string& cgroup) override {
    const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!process && errno == ESRCH) return {};
    if (!process) return errno_error("pidfd_open", errno);
    const auto table = read("/proc/" + std::to_string(pid) + "/cgroup", kProcFile);
    if (!table && table.error().error_class == ErrorClass::NotFound) return {};
    if (!table) return table.error();
    for (std::size_t at = 0; at < table->size();) {
      const std::size_t end = std::min(table->find('\n', at), table->size());
      if (is_in_cgroup(std::string_view(*table).substr(at, end - at), cgroup)) {
        if (syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) == 0 || errno == ESRCH)
          return {};
        return errno_error("kill", errno);
      }
      at = end + 1;
    }
    return {};
  }

  Result<void> stop_unit(const std::string& unit) override { return stop_unit_by_bus(unit); }
};

}  // namespace

Host& posix_host() {
  static PosixHost host;
  return host;
}

Result<bool> exists(Host& host, const std::string& path) {
  const auto facts = host.look(path);
  if (facts) return true;
  if (facts.error().error_class == ErrorClass::NotFound) return false;
  return facts.error();
}

bool is_in_cgroup(std::string_view line, std::string_view cgroup) {
  const std::size_t first = line.find(':');
  const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
  if (second == line.npos) return false;
  const std::string_view path = line.substr(second + 1);
  return path.starts_with(cgroup) && (path.size() == cgroup.size() || path[cgroup.size()] == '/');
}

}  // namespace slipway::runtime

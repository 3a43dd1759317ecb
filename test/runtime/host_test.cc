// What an errno means, on the real adapter: a filter of this thread alone answers a system call with it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "runtime/docker/cgroups.h"
#include "runtime/docker/run_files.h"
#include "runtime/host/host.h"
#include "test/runtime/faulty_host.h"

namespace slipway::runtime {
namespace {

namespace fs = std::filesystem;
using State = Evidence::ResultState;

bool answer_with(long call, int code) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(code)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Runs `work` while this system call answers nothing but this errno.
template <class Work>
auto while_failing(long call, int code, Work work) {
  std::optional<decltype(work())> answer;
  std::thread([&] {
    if (answer_with(call, code)) answer.emplace(work());
  }).join();
  return answer.value();
}

class HostTest : public testing::Test {
 protected:
  HostTest() {
    std::string pattern = (fs::temp_directory_path() / "slipway-host-XXXXXX").string();
    dir_ = mkdtemp(pattern.data());
  }
  ~HostTest() override { fs::remove_all(dir_); }
  void write(const std::string& name, const std::string& bytes) { std::ofstream(dir_ / name) << bytes; }
  Result<UntrustedFile> read(const std::string& name, std::size_t cap = 100) {
    return posix_host().read_untrusted(dir_, name, cap);
  }
  std::optional<ErrorClass> error_of(const std::string& name) {
    const auto file = read(name);
    return file ? std::nullopt : std::optional(file.error().error_class);
  }
  fs::path dir_;
};

TEST_F(HostTest, WhatAStrangerWroteIsReadWithDistrust) {
  write("result", "12345");
  EXPECT_EQ(read("result")->bytes, "12345");
  EXPECT_FALSE(read("result", 5)->too_large);
  EXPECT_TRUE(read("result", 4)->too_large);
  EXPECT_EQ(read("result", 4)->bytes, "1234");
  fs::create_symlink("result", dir_ / "link");
  fs::create_directory(dir_ / "directory");
  mkfifo((dir_ / "pipe").c_str(), 0600);
  for (const char* name : {"link", "directory", "pipe"})
    EXPECT_EQ(error_of(name), ErrorClass::Invalid) << name;
  EXPECT_EQ(error_of("nothing"), ErrorClass::NotFound);
  fs::create_hard_link(dir_ / "result", dir_ / "second");
  EXPECT_EQ(error_of("result"), ErrorClass::Invalid) << "of two names";
}

TEST_F(HostTest, AFileOnAnotherFileSystemIsNone) {
  const auto file = posix_host().read_untrusted("/", "proc", 10);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().error_class, ErrorClass::Invalid);
}

TEST_F(HostTest, NoErrnoIsTakenForAnAnswer) {
  fs::create_directories(dir_ / "runs/a/output");
  write("runs/a/output/result.json", "{}");
  const RunFiles files(posix_host(), dir_);
  for (long call : {SYS_openat, SYS_newfstatat, SYS_read, SYS_statfs}) {
    for (int code : {EMFILE, ENFILE, EIO, EINTR, ENOMEM, EACCES, EAGAIN, EPERM, ESTALE}) {
      const auto read = while_failing(call, code, [&] {
        Evidence evidence;
        return files.read_result("a", 100, evidence);
      });
      EXPECT_FALSE(read) << "system call " << call << " answered " << strerror(code);
    }
  }
  const Cgroups cgroups(posix_host(), dir_);
  for (long call : {SYS_openat, SYS_newfstatat, SYS_getdents64}) {
    for (int code : {EMFILE, EIO, ENOMEM, EACCES}) {
      EXPECT_FALSE(while_failing(call, code, [&] { return files.leftovers(); })) << call << " " << code;
      EXPECT_FALSE(while_failing(call, code, [&] { return cgroups.kill_all("/runs/a"); }))
          << call << " " << code;
    }
  }
}

// An old kernel, or a filter: systemd's RestrictSUIDSGID= answers ENOSYS, a container engine's EPERM.
TEST_F(HostTest, NothingNeedsOpenat2) {
  write("result", "1");
  fs::create_symlink("result", dir_ / "link");
  for (const int code : {ENOSYS, EPERM}) {
    const auto file = while_failing(SYS_openat2, code, [&] { return read("result"); });
    ASSERT_TRUE(file) << code;
    EXPECT_EQ(file->bytes, "1");
    EXPECT_EQ(while_failing(SYS_openat2, code, [&] { return error_of("link"); }), ErrorClass::Invalid);
  }
}

TEST_F(HostTest, KillsForWantOfMemoryAreCountedWhereTheKernelCountsThemForAParent) {
  fs::create_directories(dir_ / "a");
  write("cgroup.controllers", "cpu memory pids");
  write("a/memory.events", "low 0\nhigh 0\nmax 61\noom 3\noom_kill 2\noom_group_kill 0\n");
  const Cgroups cgroups(posix_host(), dir_);
  EXPECT_EQ(cgroups.oom_kills("/a"), 2);
  EXPECT_EQ(cgroups.oom_kills("/gone"), std::nullopt);
}

TEST_F(HostTest, WithoutASystemBusNoUnitIsStopped) {
  setenv("DBUS_SYSTEM_BUS_ADDRESS", ("unix:path=" + (dir_ / "bus").string()).c_str(), 1);
  const auto stopped = posix_host().stop_unit("slipway-a.slice");
  unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().error_class, ErrorClass::Unsupported);
}

TEST(CgroupMembership, IsOfWholeNames) {
  EXPECT_TRUE(is_in_cgroup("4:memory:/slipway/n/a-1", "/slipway/n/a-1"));
  EXPECT_TRUE(is_in_cgroup("0::/slipway/n/a-1/container", "/slipway/n/a-1"));
  EXPECT_FALSE(is_in_cgroup("4:memory:/slipway/n/a-10", "/slipway/n/a-1")) << "the tenth attempt is another";
  EXPECT_FALSE(is_in_cgroup("4:memory:/x:/slipway/n/a-1", "/slipway/n/a-1")) << "a name may hold a colon";
  EXPECT_FALSE(is_in_cgroup("4:memory", "/slipway/n/a-1"));
}

/// The files of one attempt under a host of which one call fails.
class RunFilesTest : public HostTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "mounts need root";
  }
  void TearDown() override {
    host_.fail_at(0);
    files_.remove("a");
  }
  Result<void> prepare() { return files_.prepare("a", "{}", 1 << 20, 1, 1); }
  std::string input() {
    std::ifstream file(dir_ / "runs/a/input/input.json");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  FaultyHost host_;
  RunFiles files_{host_, dir_};
};

TEST_F(RunFilesTest, WhicheverCallFailsTheNextTryMakesItWhole) {
  for (int n = 1;; ++n) {
    host_.fail_at(n);
    const auto first = prepare();
    const bool failed = host_.has_failed();
    EXPECT_EQ(first.has_value(), !failed) << "call " << n;
    host_.fail_at(0);
    ASSERT_TRUE(prepare()) << "call " << n;
    EXPECT_EQ(input(), "{}");
    write("runs/a/output/result.json", "[" + std::to_string(n) + "]");
    ASSERT_TRUE(prepare()) << "no second mount";
    Evidence evidence;
    ASSERT_TRUE(files_.read_result("a", 100, evidence));
    EXPECT_EQ(evidence.result, "[" + std::to_string(n) + "]");
    host_.fail_at(n);
    const auto removed = files_.remove("a");
    EXPECT_TRUE(!removed || *removed) << "call " << n;
    if (removed) EXPECT_FALSE(fs::exists(dir_ / "runs/a")) << "call " << n;
    host_.fail_at(0);
    EXPECT_TRUE(*files_.remove("a"));
    if (!failed) break;
  }
}

TEST_F(RunFilesTest, NoFailingCallChangesWhatIsSaidOfAResult) {
  ASSERT_TRUE(prepare());
  write("runs/a/output/result.json", "[1]");
  for (int n = 1;; ++n) {
    host_.fail_at(n);
    Evidence evidence;
    const auto read = files_.read_result("a", 100, evidence);
    if (!host_.has_failed()) break;
    EXPECT_FALSE(read) << "call " << n;
    host_.fail_at(n);
    const auto fenced = files_.fenced("a");
    EXPECT_TRUE(!fenced || !*fenced) << "call " << n;
    host_.fail_at(n);
    const auto cut_off = files_.cut_off("a");
    EXPECT_TRUE(!cut_off || !*cut_off) << "call " << n;
    host_.fail_at(n);
    const auto here = files_.exists("a");
    EXPECT_TRUE(!here || *here) << "call " << n;
  }
}

TEST_F(RunFilesTest, WhatAPowerFailureLeftOfAnInputIsWrittenAnew) {
  ASSERT_TRUE(prepare());
  EXPECT_FALSE(*files_.cut_off("a"));
  ASSERT_TRUE(posix_host().unmount(files_.output_dir("a"), false));  // as after a boot
  write("runs/a/input/input.json", "");
  EXPECT_TRUE(*files_.cut_off("a")) << "its container must not be started";
  ASSERT_TRUE(prepare());
  EXPECT_EQ(input(), "{}");
  EXPECT_FALSE(*files_.cut_off("a"));
}

}  // namespace
}  // namespace slipway::runtime

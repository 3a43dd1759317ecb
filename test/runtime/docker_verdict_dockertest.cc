// What an end is judged by, as a real engine tells it: reconcilers/execution/conclude.cc has the table.

#include <sys/mount.h>

#include "test/runtime/docker_fixture.h"
#include "test/runtime/faulty_host.h"

namespace slipway::runtime {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// This machine, but for what its kernel says of kills for want of memory in a cgroup of version 2.
class CountingKernel final : public FaultyHost {
 public:
  Result<std::string> read(const std::string& path, std::size_t cap) override {
    if (!path.ends_with("/memory.events")) return FaultyHost::read(path, cap);
    path_ = path;
    return "low 0\nhigh 0\nmax 9\noom 2\noom_kill " + std::to_string(kills) + "\n";
  }
  std::string path() const { return path_; }
  std::atomic<int> kills = 0;

 private:
  std::string path_;
};

/// Each test has an engine of its own, since it harms it.
class DockerVerdictTest : public testing::Test {
 protected:
  void begin(test::DockerEngineOptions options = {}) {
    engine_ = std::make_unique<DockerEngine>(options);
    image_ = engine_->import_image("agent:1");
    harness_ = std::make_unique<DockerHarness>(IoMode::Mount, *engine_);
  }
  Result<std::string> create(const ContainerSpec& spec) {
    return harness_->await(harness_->runtime().create(spec));
  }
  Result<void> start(const ContainerSpec& spec, const std::string& id) {
    return harness_->await(harness_->runtime().start(spec.ref, id));
  }
  std::string run(const ContainerSpec& spec) {
    const auto id = create(spec);
    if (!id) throw std::runtime_error(id.error().message);
    if (auto started = start(spec, *id); !started) throw std::runtime_error(started.error().message);
    return *id;
  }
  /// An end that is not this runtime's doing.
  Observation end_of(const std::string& script, const std::function<void(const std::string&)>& harm) {
    const auto spec = shell_spec(image_, script);
    const auto id = run(spec);
    if (harm) harm(id);
    return harness_->wait_exit(spec);
  }
  /// As a start that the engine refuses ends.
  std::optional<Reason> refusal(const ContainerSpec& spec) {
    const auto id = create(spec);
    if (!id) return std::nullopt;
    EXPECT_FALSE(start(spec, *id));
    const auto seen = harness_->observe(spec);
    EXPECT_FALSE(seen.fenced);
    EXPECT_FALSE(seen.engine_error.empty());
    return seen.refused;
  }
  ErrorClass create_error(const ContainerSpec& spec) {
    const auto id = create(spec);
    return id ? ErrorClass::Retry : id.error().error_class;
  }
  Observation in_doubt(const ContainerSpec& spec) {
    auto seen = harness_->await(harness_->runtime().observe(spec.ref, &spec, true));
    if (!seen) throw std::runtime_error(seen.error().message);
    return *seen;
  }

  std::unique_ptr<DockerEngine> engine_;
  std::unique_ptr<DockerHarness> harness_;
  std::string image_;
};

TEST_F(DockerVerdictTest, APersonsKillAndStopAreToldFromTheProgramsOwnEnd) {
  begin();
  const auto person = [this](const std::string& request) {
    return [this, request](const std::string& id) {
      EXPECT_EQ(engine_->request("POST", "/containers/" + id + request).status, 204);
    };
  };
  const std::string ready = "while :; do usleep 10000; done";
  const auto killed = end_of(ready, person("/kill"));
  EXPECT_EQ(killed.exit_code, 137);
  EXPECT_TRUE(killed.stopped_from_outside);
  EXPECT_TRUE(end_of("trap 'exit 7' TERM; " + ready, person("/stop?t=5")).stopped_from_outside);
  EXPECT_TRUE(end_of(ready, person("/stop?t=1")).stopped_from_outside);
  for (const char* own : {"exit 137", "exit 143", "exit 255", "exit 1", "kill -9 $$"})
    EXPECT_FALSE(end_of(own, {}).stopped_from_outside) << own;
  EXPECT_FALSE(end_of("trap 'usleep 300000; exit 9' USR1; " + ready, person("/kill?signal=SIGUSR1"))
                   .stopped_from_outside)
      << "this signal asks nobody to end";
}

// The engine may tell of an exit before it has heard why; the kernel counts first. Its word is of the
// attempt's own parent, which is there until the attempt is removed.
TEST_F(DockerVerdictTest, WhetherTheKernelKilledIsTheKernelsToSay) {
  begin();
  CountingKernel kernel;
  harness_->restart([&](DockerOptions& options) { options.host = &kernel; });
  const auto killed = shell_spec(image_, "kill -9 $$");
  run(killed);
  EXPECT_FALSE(harness_->wait_exit(killed).oom_killed);
  kernel.kills = 1;
  EXPECT_TRUE(harness_->observe(killed).oom_killed);
  EXPECT_TRUE(
      kernel.path().ends_with(harness_->cgroup_root() + "/" + container_name(killed.ref) + "/memory.events"))
      << kernel.path();
}

TEST_F(DockerVerdictTest, ASignalOfOursIsNoPersons) {
  begin();
  const auto spec = shell_spec(image_, "trap 'exit 7' TERM; while :; do usleep 10000; done");
  const auto id = run(spec);
  ASSERT_TRUE(harness_->await(harness_->runtime().signal(spec.ref, id, Signal::Term)));
  const auto seen = harness_->wait_exit(spec);
  EXPECT_NE(seen.exit_code, 0);
  EXPECT_FALSE(seen.stopped_from_outside);
}

TEST_F(DockerVerdictTest, AnEndUnderLiveRestoreThatTheEngineMissedIsInterrupted) {
  begin({.live_restore = true});
  const auto spec = shell_spec(image_, "while :; do usleep 10000; done");
  const auto id = run(spec);
  const auto before = harness_->observe(spec);
  engine_->kill();
  ASSERT_TRUE(engine_->kill_shim(id));
  ASSERT_TRUE(test::wait_until([&] { return !engine_->kill_shim(id); }, 5000));
  engine_->start();
  const auto seen = harness_->wait_exit(spec);
  EXPECT_EQ(seen.exit_code, 255);
  EXPECT_NE(seen.engine, before.engine);
  EXPECT_LE(seen.finished_at, seen.engine_started_at + 30s);
}

TEST_F(DockerVerdictTest, AnEndBehindAHungContainerdKeepsItsOwnTime) {
  begin();
  const auto spec = shell_spec(image_, "sleep 1; printf 1 > /output/result.json");
  run(spec);
  ASSERT_EQ(::kill(engine_->containerd_pid(), SIGSTOP), 0);
  const auto until = std::chrono::steady_clock::now() + 4s;
  harness_->run_until([&] { return std::chrono::steady_clock::now() > until; });
  EXPECT_EQ(harness_->observe(spec).state, ContainerState::Running) << "as a deadline would find it";
  ASSERT_EQ(::kill(engine_->containerd_pid(), SIGCONT), 0);
  const auto seen = harness_->wait_exit(spec);
  EXPECT_EQ(seen.exit_code, 0);
  EXPECT_LT(seen.finished_at - seen.started_at, 3s);
  EXPECT_GT(seen.observed_at - seen.finished_at, 1s);
}

TEST_F(DockerVerdictTest, AStartWithoutContainerdNeverRan) {
  begin();
  const auto spec = shell_spec(image_, "true");
  const auto id = create(spec);
  ASSERT_TRUE(id);
  engine_->kill_containerd();
  EXPECT_FALSE(start(spec, *id));
  engine_->start_containerd();
  const auto seen = harness_->observe(spec);
  EXPECT_EQ(seen.state, ContainerState::Created);
  EXPECT_FALSE(seen.engine_error.empty());
  EXPECT_FALSE(seen.refused) << seen.engine_error;
  EXPECT_FALSE(in_doubt(spec).may_have_run) << seen.engine_error;
  ASSERT_TRUE(*harness_->await(harness_->runtime().remove(spec.ref, *id)));
  ASSERT_TRUE(test::wait_until(
      [&] {
        const auto again = create(spec);
        const bool started = again && start(spec, *again);
        if (!started) harness_->await(harness_->runtime().remove(spec.ref, again ? *again : ""));
        return started;
      },
      15000));
  EXPECT_EQ(harness_->wait_exit(spec).exit_code, 0);
}

TEST_F(DockerVerdictTest, WhatHasUsedItsCgroupMayHaveRun) {
  begin();
  const auto spec = shell_spec(image_, "true");
  ASSERT_TRUE(create(spec));
  EXPECT_FALSE(in_doubt(spec).may_have_run);
  for (const auto& hierarchy : fs::directory_iterator("/sys/fs/cgroup"))
    if (hierarchy.is_directory() && !hierarchy.is_symlink())
      fs::create_directories(hierarchy.path().string() + harness_->cgroup_root() + "/" +
                             container_name(spec.ref));
  EXPECT_FALSE(in_doubt(spec).may_have_run);
  const auto stray = enter_cgroup(harness_->cgroup_root() + "/" + container_name(spec.ref));
  EXPECT_TRUE(test::wait_until([&] { return in_doubt(spec).may_have_run; }, 5000));
  EXPECT_TRUE(*harness_->await(harness_->runtime().remove(spec.ref, {})));
  EXPECT_TRUE(ended_by_kill(stray));
}

TEST_F(DockerVerdictTest, TheAuthorsErrorsAreToldFromThePlatforms) {
  begin();
  auto spec = [this] { return shell_spec(image_, "true"); };
  auto none = spec();
  none.command.clear();
  EXPECT_EQ(create_error(none), ErrorClass::Invalid);
  none.command = {""};
  EXPECT_EQ(create_error(none), ErrorClass::Invalid);
  auto cpu = spec();
  cpu.limits.cpu_millicores = 1000LL * 4096;
  EXPECT_EQ(create_error(cpu), ErrorClass::Unsupported);
  auto nothing = spec();
  nothing.command = {"", "x"};
  EXPECT_EQ(refusal(nothing), Reason::CommandInvalid);
  nothing.command = {"/bin"};
  EXPECT_EQ(refusal(nothing), Reason::CommandInvalid);
  const auto blamed = [&](const char* name, const std::vector<test::ImageFile>& files) {
    auto bad = spec();
    bad.image_id = engine_->import_image(name, files);
    return refusal(bad);
  };
  // Refused up to runc 1.1; from 1.2 on followed, within the image.
  auto linked = shell_spec(image_, "test -s /input/input.json");
  linked.image_id = engine_->import_image(
      "a:1", {{.path = "etc/", .bytes = ""}, {.path = "input", .bytes = "", .link = "/etc"}});
  if (const auto id = create(linked); id && start(linked, *id)) {
    EXPECT_EQ(harness_->wait_exit(linked).exit_code, 0);
  } else {
    EXPECT_EQ(harness_->observe(linked).refused, Reason::ImageNotAllowed);
  }
  EXPECT_EQ(blamed("b:1", {{.path = "input", .bytes = "a file"}}), Reason::ImageNotAllowed);
  EXPECT_EQ(blamed("c:1", {{.path = "output", .bytes = "", .link = "output"}}), Reason::ImageNotAllowed);
  EXPECT_EQ(blamed("d:1", {{.path = "etc/", .bytes = ""}, {.path = "etc/passwd/", .bytes = ""}}),
            Reason::ImageNotAllowed);
}

TEST_F(DockerVerdictTest, TmpIsWritableWhateverTheImageHas) {
  begin();
  const auto exit_code = [&](const char* name, const test::ImageFile& tmp) {
    auto spec = shell_spec(image_, "echo 1 > /tmp/x && mkdir /tmp/y && cat /tmp/x");
    spec.image_id = engine_->import_image(name, {tmp});
    run(spec);
    return harness_->wait_exit(spec).exit_code;
  };
  EXPECT_EQ(exit_code("a:1", {.path = "tmp/", .bytes = "", .mode = 0755}), 0);
  EXPECT_EQ(exit_code("b:1", {.path = "tmp/", .bytes = "", .mode = 0700}), 0);
  EXPECT_EQ(exit_code("c:1", {.path = "tmp", .bytes = "", .link = "/var/tmp"}), 0);
}

/// On a file system of its own, so that it can be filled.
TEST_F(DockerVerdictTest, AFullDiskOfTheEngineIsToldAndSoIsRoom) {
  std::string place = "/tmp/slipway-small-XXXXXX";
  ASSERT_TRUE(mkdtemp(place.data()));
  ASSERT_EQ(mount("small", place.c_str(), "tmpfs", 0, "size=256m"), 0);
  begin({.parent = place});
  // Of the engine's disk, and not of ours.
  std::string ours = "/tmp/slipway-state-XXXXXX";
  ASSERT_TRUE(mkdtemp(ours.data()));
  harness_->restart([&](DockerOptions& options) { options.state_dir = ours; });
  const auto has_room = [this] { return *harness_->await(harness_->runtime().has_room()); };
  EXPECT_TRUE(has_room());
  {
    std::ofstream filler(place + "/filler");
    const std::string piece(1 << 20, 'x');
    while (filler << piece << std::flush) {
    }
  }
  EXPECT_FALSE(has_room());
  const auto refused = shell_spec(image_, "true");
  EXPECT_EQ(create_error(refused), ErrorClass::StorageFull);
  EXPECT_TRUE(*harness_->await(harness_->runtime().remove(refused.ref, {})));
  fs::remove(place + "/filler");
  EXPECT_TRUE(has_room());
  const auto spec = shell_spec(image_, "true");
  run(spec);
  EXPECT_EQ(harness_->wait_exit(spec).exit_code, 0);
  EXPECT_TRUE(*harness_->await(harness_->runtime().remove(spec.ref, {})));
  harness_.reset();
  engine_.reset();
  EXPECT_EQ(umount(place.c_str()), 0);
  fs::remove(place);
  fs::remove_all(ours);
}

}  // namespace
}  // namespace slipway::runtime

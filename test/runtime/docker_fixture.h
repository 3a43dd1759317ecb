#pragma once

#include <signal.h>
#include <sys/wait.h>

#include <fstream>

#include "test/runtime/docker_harness.h"

namespace slipway::runtime {

using test::DockerEngine;
using State = Evidence::ResultState;

/// One engine for all tests of an executable: starting it costs half a second.
class Engine {
 public:
  static DockerEngine& get() {
    if (!engine_) engine_ = std::make_unique<DockerEngine>(), image_ = engine_->import_image("agent:1");
    return *engine_;
  }
  static const std::string& image() { return get(), image_; }
  static void end() { engine_.reset(); }

 private:
  static inline std::unique_ptr<DockerEngine> engine_;
  static inline std::string image_;
};

class EngineEnvironment : public testing::Environment {
  void TearDown() override { Engine::end(); }
};
inline const auto* const kEnvironment = testing::AddGlobalTestEnvironment(new EngineEnvironment);

inline std::string mode_name(const testing::TestParamInfo<IoMode>& test) {
  return test.param == IoMode::Mount ? "Mount" : "Volume";
}

inline std::string text(const Evidence& evidence, LogChunk::Stream stream) {
  std::string all;
  for (const LogChunk& chunk : evidence.logs) {
    if (chunk.stream == stream) all += chunk.bytes;
  }
  return all;
}

inline int mounts_at(const std::string& path) {
  std::ifstream table("/proc/self/mountinfo");
  int count = 0;
  for (std::string line; std::getline(table, line);)
    count += line.find(" " + path + " ") != std::string::npos;
  return count;
}

/// A process of this test put into a cgroup, in every hierarchy that has it.
inline pid_t enter_cgroup(const std::string& path) {
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  for (const auto& hierarchy : std::filesystem::directory_iterator("/sys/fs/cgroup")) {
    if (std::ofstream procs(hierarchy.path().string() + path + "/cgroup.procs"); procs)
      procs << child << std::flush;
  }
  return child;
}

inline bool ended_by_kill(pid_t child) {
  int status = 0;
  const bool ended = test::wait_until([&] { return waitpid(child, &status, WNOHANG) == child; }, 3000);
  if (!ended) ::kill(child, SIGKILL), waitpid(child, nullptr, 0);
  return ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/// Runs containers in one io mode; what a test made is verified gone at its end.
class DockerRuntimeTest : public testing::TestWithParam<IoMode> {
 protected:
  DockerRuntimeTest() : engine_(Engine::get()), harness_(GetParam(), engine_) {}

  struct Ran {
    Observation end;
    Evidence evidence;
  };
  std::string start(const ContainerSpec& spec) {
    auto id = harness_.await(harness_.runtime().create(spec));
    if (!id) throw std::runtime_error(id.error().message);
    auto started = harness_.await(harness_.runtime().start(spec.ref, *id));
    if (!started) throw std::runtime_error(started.error().message);
    return *id;
  }
  /// The whole life up to (not including) the removal.
  Ran run(const ContainerSpec& spec) {
    const std::string id = start(spec);
    Ran ran{.end = harness_.wait_exit(spec)};
    auto evidence = harness_.await(harness_.runtime().collect(spec.ref, id, spec.limits, {}));
    if (!evidence) throw std::runtime_error(evidence.error().message);
    ran.evidence = std::move(*evidence);
    return ran;
  }
  Ran run(const std::string& script) { return run(last_ = shell_spec(Engine::image(), script)); }

  void TearDown() override {
    if (!last_.ref.execution.empty()) expect_removed(last_);
  }
  void expect_removed(const ContainerSpec& spec) {
    const auto gone = harness_.await(harness_.runtime().remove(spec.ref, {}));
    ASSERT_TRUE(gone) << gone.error().message;
    EXPECT_TRUE(*gone);
    const Observation seen = harness_.observe(spec);
    EXPECT_EQ(seen.state, ContainerState::Absent);
    EXPECT_FALSE(seen.leftovers);
    EXPECT_FALSE(std::filesystem::exists(harness_.run_dir(spec.ref)));
    EXPECT_EQ(mounts_at(harness_.run_dir(spec.ref) + "/output"), 0);
    for (const auto& hierarchy : std::filesystem::directory_iterator("/sys/fs/cgroup")) {
      EXPECT_FALSE(std::filesystem::exists(hierarchy.path().string() + harness_.cgroup_root() + "/" +
                                           container_name(spec.ref)));
    }
    EXPECT_EQ(engine_.request("GET", "/volumes/" + container_name(spec.ref) + "-output").status, 404);
  }

  DockerEngine& engine_;
  DockerHarness harness_;
  ContainerSpec last_;
};

}  // namespace slipway::runtime

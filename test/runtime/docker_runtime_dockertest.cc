#include "test/runtime/docker_harness.h"

namespace slipway::runtime {
namespace {

using test::DockerEngine;
using State = Evidence::ResultState;

/// One engine for all tests of this file: starting it costs half a second.
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
const auto* const kEnvironment = testing::AddGlobalTestEnvironment(new EngineEnvironment);

class DockerRuntimeTest : public testing::TestWithParam<IoMode> {
 protected:
  DockerRuntimeTest() : engine_(Engine::get()), harness_(GetParam(), engine_) {}

  struct Ran {
    Observation end;
    Evidence evidence;
  };
  /// The whole life up to (not including) the removal.
  Ran run(const ContainerSpec& spec) {
    auto id = harness_.await(harness_.runtime().create(spec));
    if (!id) throw std::runtime_error(id.error().message);
    auto started = harness_.await(harness_.runtime().start(spec.ref, *id));
    if (!started) throw std::runtime_error(started.error().message);
    Ran ran{.end = harness_.wait_exit(spec)};
    auto evidence = harness_.await(harness_.runtime().collect(spec.ref, *id, spec.limits));
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
    EXPECT_EQ(harness_.observe(spec).state, ContainerState::Absent);
    EXPECT_FALSE(std::filesystem::exists(harness_.run_dir(spec.ref)));
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
INSTANTIATE_TEST_SUITE_P(Modes, DockerRuntimeTest, testing::Values(IoMode::Mount, IoMode::Volume),
                         [](const auto& test) { return test.param == IoMode::Mount ? "Mount" : "Volume"; });

TEST_P(DockerRuntimeTest, ResultOfASuccessArrives) {
  const Ran ran = run("cat /input/input.json > /output/result.json; echo hello; echo oops >&2");
  EXPECT_EQ(ran.end.exit_code, 0);
  EXPECT_TRUE(ran.end.ours);
  EXPECT_EQ(ran.end.violated_limit, "");
  EXPECT_GT(ran.end.started_at, TimePoint{});
  EXPECT_GE(ran.end.finished_at, ran.end.started_at);
  EXPECT_EQ(ran.evidence.result_state, State::Present);
  EXPECT_EQ(ran.evidence.result, R"({"n":1})");
  EXPECT_GT(ran.evidence.peak_memory_bytes.value_or(0), 0);
  EXPECT_TRUE(ran.evidence.cpu_ms.has_value());
  EXPECT_EQ(engine_.starts_of(ran.end.container_id), 1);
}

TEST_P(DockerRuntimeTest, ExitCodeArrivesWithoutAResult) {
  const Ran ran = run("exit 3");
  EXPECT_EQ(ran.end.exit_code, 3);
  EXPECT_EQ(ran.evidence.result_state, State::Missing);
}

}  // namespace
}  // namespace slipway::runtime

#include "test/runtime/docker_fixture.h"

namespace slipway::runtime {
namespace {

/// Each test has an engine of its own, since it harms it.
class DockerFaultsTest : public testing::Test {
 protected:
  void begin(test::DockerEngineOptions options = {}, IoMode mode = IoMode::Auto) {
    engine_ = std::make_unique<DockerEngine>(options);
    image_ = engine_->import_image("agent:1");
    harness_ = std::make_unique<DockerHarness>(mode, *engine_);
  }
  std::string start(const ContainerSpec& spec) {
    auto id = harness_->await(harness_->runtime().create(spec));
    if (!id) throw std::runtime_error(id.error().message);
    auto started = harness_->await(harness_->runtime().start(spec.ref, *id));
    if (!started) throw std::runtime_error(started.error().message);
    return *id;
  }
  Capabilities probe() {
    auto found = harness_->await(harness_->runtime().probe());
    if (!found) throw std::runtime_error(found.error().message);
    return *found;
  }
  bool remove(const ContainerSpec& spec) {
    auto gone = harness_->await(harness_->runtime().remove(spec.ref, {}));
    return gone && *gone;
  }

  std::unique_ptr<DockerEngine> engine_;
  std::unique_ptr<DockerHarness> harness_;
  std::string image_;
};

TEST_F(DockerFaultsTest, ProbeProvesMountModeAndLeavesNothing) {
  begin();
  const Capabilities found = probe();
  EXPECT_EQ(found.io_mode, "mount");
  EXPECT_GE(std::stod(found.api_version), 1.41);
  EXPECT_EQ(found.not_enforceable, std::vector<std::string>{});
  const auto listed = harness_->await(harness_->runtime().list());
  EXPECT_TRUE(listed && listed->empty());
  EXPECT_EQ(engine_->ledger().size(), 1u);
}

TEST_F(DockerFaultsTest, ProbeCatchesAnEngineThatDoesNotSeeOurMounts) {
  begin({.private_mounts = true});
  const Capabilities found = probe();
  EXPECT_EQ(found.io_mode, "volume");
  EXPECT_EQ(found.not_enforceable, std::vector<std::string>{"output"});
  harness_->restart([](DockerOptions& options) { options.io = IoMode::Mount; });
  EXPECT_TRUE(harness_->await(harness_->runtime().probe()).has_error()) << "asked for, but not to be had";
}

TEST_F(DockerFaultsTest, IdentityChangesWithTheEngineOnly) {
  begin();
  const ContainerSpec spec = shell_spec(image_, "true");
  const Observation first = harness_->observe(spec);
  EXPECT_EQ(first.engine, harness_->observe(spec).engine);
  EXPECT_TRUE(first.engine.starts_with(std::to_string(engine_->pid()) + "@")) << first.engine;
  harness_->restart();
  EXPECT_EQ(first.engine, harness_->observe(spec).engine) << "a new daemon sees the same engine";
  engine_->kill();
  auto away = harness_->await(harness_->runtime().observe(spec.ref, &spec, false));
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().error_class, ErrorClass::Retry);
  engine_->start();
  const Observation second = harness_->observe(spec);
  EXPECT_NE(first.engine, second.engine);
  EXPECT_GT(second.engine_started_at, first.engine_started_at);
}

TEST_F(DockerFaultsTest, StartThatGetsNoAnswerIsDoubtAndAnObserverFindsItLater) {
  begin();
  harness_->restart([](DockerOptions& options) { options.effect_timeout = std::chrono::milliseconds(300); });
  const ContainerSpec spec = shell_spec(image_, "sleep 1000");
  auto id = harness_->await(harness_->runtime().create(spec));
  ASSERT_TRUE(id);
  engine_->suspend();
  auto started = harness_->await(harness_->runtime().start(spec.ref, *id));
  engine_->resume();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().error_class, ErrorClass::Doubt);
  Observation seen;
  ASSERT_TRUE(harness_->run_until([&] {
    seen = harness_->observe(spec);
    return seen.state == ContainerState::Running || !seen.engine_error.empty();
  })) << "it happened after all, or was given up (from engine 26 on)";
  harness_->restart();
  if (seen.state != ContainerState::Running) {
    EXPECT_EQ(engine_->starts_of(*id), 0);
    ASSERT_TRUE(*harness_->await(harness_->runtime().fence(spec.ref)));
    EXPECT_EQ(harness_->observe(spec).engine_error, "")
        << seen.engine_error << " is no failure of the engine's";
  } else {
    EXPECT_EQ(engine_->starts_of(*id), 1);
  }
  EXPECT_TRUE(remove(spec));
}

TEST_F(DockerFaultsTest, FenceBeforeTheStartArrivesKeepsItFromRunning) {
  begin();
  const ContainerSpec spec = shell_spec(image_, "sleep 1000");
  auto id = harness_->await(harness_->runtime().create(spec));
  ASSERT_TRUE(id);
  ASSERT_TRUE(*harness_->await(harness_->runtime().fence(spec.ref)));
  auto started = harness_->await(harness_->runtime().start(spec.ref, *id));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().error_class, ErrorClass::Doubt) << "never the author's fault";
  EXPECT_EQ(engine_->starts_of(*id), 0);
  EXPECT_TRUE(remove(spec));
}

TEST_F(DockerFaultsTest, ContainersRideOutAKilledEngineUnderLiveRestore) {
  begin({.live_restore = true});
  EXPECT_TRUE(probe().live_restore);
  const ContainerSpec spec = shell_spec(image_, "trap 'exit 9' TERM; while :; do usleep 20000; done");
  const std::string id = start(spec);
  engine_->restart();
  EXPECT_EQ(harness_->observe(spec).state, ContainerState::Running);
  EXPECT_EQ(engine_->starts_of(id), 1);
  EXPECT_TRUE(remove(spec));
}

TEST_F(DockerFaultsTest, EventsAreFollowedAgainAfterTheEngineCameBack) {
  begin();
  int resyncs = 0, hints = 0;
  const ContainerSpec spec = shell_spec(image_, "while :; do usleep 20000; done");
  harness_->runtime().watch([&](const ExecutionId& execution) { ++(execution.empty() ? resyncs : hints); });
  ASSERT_TRUE(harness_->run_until([&] { return resyncs >= 1; }));
  engine_->restart();
  ASSERT_TRUE(harness_->run_until([&] { return resyncs >= 3; })) << "once broken, once back";
  const std::string id = start(spec);
  ASSERT_EQ(engine_->request("POST", "/containers/" + id + "/pause").status, 204);
  EXPECT_TRUE(harness_->run_until([&] { return hints >= 1; })) << "no wait tells of a pause";
  EXPECT_EQ(engine_->request("POST", "/containers/" + id + "/unpause").status, 204);
  harness_->runtime().unwatch();
  EXPECT_TRUE(remove(spec));
}

}  // namespace
}  // namespace slipway::runtime

#include "runtime/simulated/simulated_runtime.h"

#include "test/runtime/runtime_conformance.h"

namespace slipway::runtime {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

Workload workload_of(Work work) {
  Workload workload;
  switch (work) {
    case Work::ExitWithResult:
      workload.result = R"({"answer":42})";
      workload.stdout_text = "hello\n";
      break;
    case Work::ExitThree:
      workload.exit_code = 3;
      break;
    case Work::SleepForever:
      workload.runs_for = hours(24 * 365);
      workload.result = R"({"half":true})";
      workload.stdout_text = "up\n";
      break;
    case Work::IgnoreTerm:
      workload.runs_for = hours(24 * 365);
      workload.ignores_term = true;
      break;
    case Work::NoSuchCommand:
      workload.start_error = "no such file";
      break;
    case Work::ResultIsLink:
      workload.result = "";
      workload.result_state = Evidence::ResultState::NotRegular;
      break;
    case Work::ResultTooLarge:
      workload.result = std::string(2 << 20, 'x');
      break;
  }
  return workload;
}

class SimulatedHarness : public RuntimeHarness {
 public:
  explicit SimulatedHarness(bool mount_mode) : mount_mode_(mount_mode) {
    if (!mount_mode) engine_.set_volume_mode();
  }
  boost::asio::io_context& io() override { return io_; }
  std::unique_ptr<ContainerRuntime> connect() override {
    return std::make_unique<SimulatedRuntime>(engine_, "node-a-instance", io_.get_executor());
  }
  void turn() override {
    io_.restart();
    if (io_.poll() == 0) clock_.advance(milliseconds(10));
  }
  ContainerSpec spec(Work work) override {
    const auto image = "work-" + std::to_string(static_cast<int>(work));
    engine_.add_image(image, workload_of(work));
    ContainerSpec spec;
    spec.ref = {"00000000-0000-7000-8000-" + std::to_string(100'000'000'000 + next_++), 1, "claim"};
    spec.image_id = "sha256:" + image;
    spec.limits.output = 1 << 20;
    return spec;
  }
  std::string known_image() override {
    engine_.add_image("known", {});
    return "known";
  }
  std::string unknown_image() override { return "unknown"; }
  bool has_fence() override { return mount_mode_; }
  void occupy_name(const std::string& name) override { engine_.add_foreign(name); }
  bool exists(const std::string& name) override { return engine_.containers().contains(name); }
  void person_removes(const std::string& name) override { engine_.person_removes(name); }

  SimulatedEngine& engine() { return engine_; }

 private:
  bool mount_mode_;
  boost::asio::io_context io_;
  VirtualClock clock_;
  SimulatedEngine engine_{clock_};
  std::int64_t next_ = 1;
};

INSTANTIATE_TEST_SUITE_P(
    Simulated, RuntimeConformance,
    ::testing::Values(RuntimeHarnessFactory([] { return std::make_unique<SimulatedHarness>(true); }),
                      RuntimeHarnessFactory([] { return std::make_unique<SimulatedHarness>(false); })));

// What only a simulated engine can be made to do, as the real one was measured to do it.
class SimulatedEngineTest : public ::testing::Test {
 protected:
  Observation observe(const ContainerSpec& spec) {
    return harness_.run(runtime_->observe(spec.ref, &spec, false)).value();
  }

  SimulatedHarness harness_{true};
  std::unique_ptr<ContainerRuntime> runtime_ = harness_.connect();
};

TEST_F(SimulatedEngineTest, StartOfAnExitedContainerRunsItAgain) {
  SimulatedHarness volume{false};
  auto runtime = volume.connect();
  auto spec = volume.spec(Work::ExitThree);
  auto id = volume.run(runtime->create(spec)).value();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(volume.run(runtime->start(spec.ref, id)).has_value());
    ASSERT_TRUE(volume.wait_until([&] {
      return volume.run(runtime->observe(spec.ref, &spec, false)).value().state == ContainerState::Exited;
    }));
  }
  EXPECT_EQ(volume.engine().starts().size(), 2u);
}

TEST_F(SimulatedEngineTest, TimedOutStartHappensLaterAndAnObserverWaitsForIt) {
  auto spec = harness_.spec(Work::SleepForever);
  auto id = harness_.run(runtime_->create(spec)).value();
  harness_.engine().set_latency(
      [](std::string_view verb) { return verb == "start" ? seconds(40) : seconds(0); });
  auto answer = harness_.run(runtime_->start(spec.ref, id));
  ASSERT_TRUE(answer.has_error());
  EXPECT_EQ(answer.error().error_class, ErrorClass::Doubt);
  EXPECT_TRUE(harness_.engine().starts().empty());
  auto seen = harness_.run(runtime_->observe(spec.ref, &spec, true)).value();
  EXPECT_EQ(seen.state, ContainerState::Running);
  EXPECT_EQ(harness_.engine().starts().size(), 1u);
}

TEST_F(SimulatedEngineTest, RequestOutlivesTheProcessThatSentIt) {
  auto spec = harness_.spec(Work::SleepForever);
  harness_.engine().set_latency([](std::string_view) { return seconds(5); });
  boost::asio::co_spawn(harness_.io(), runtime_->create(spec),
                        [](std::exception_ptr, Result<std::string>) {});
  harness_.turn();
  runtime_.reset();
  harness_.engine().clock().advance(seconds(6));
  EXPECT_TRUE(harness_.exists(container_name(spec.ref)));
}

TEST_F(SimulatedEngineTest, RestartChangesTheIdentityAndKillsWhatRuns) {
  auto spec = harness_.spec(Work::IgnoreTerm);
  auto id = harness_.run(runtime_->create(spec)).value();
  ASSERT_TRUE(harness_.run(runtime_->start(spec.ref, id)).has_value());
  const auto before = observe(spec).engine;
  harness_.engine().restart({});
  auto away = harness_.run(runtime_->observe(spec.ref, &spec, false));
  ASSERT_TRUE(away.has_error());
  EXPECT_EQ(away.error().error_class, ErrorClass::Retry);
  ASSERT_TRUE(harness_.wait_until([&] { return harness_.engine().up(); }));
  auto seen = observe(spec);
  EXPECT_NE(seen.engine, before);
  EXPECT_EQ(seen.state, ContainerState::Exited);
  EXPECT_EQ(seen.exit_code, 137);
}

TEST_F(SimulatedEngineTest, LiveRestoreLetsThemRun) {
  harness_.engine().set_live_restore(true);
  auto spec = harness_.spec(Work::SleepForever);
  auto id = harness_.run(runtime_->create(spec)).value();
  ASSERT_TRUE(harness_.run(runtime_->start(spec.ref, id)).has_value());
  harness_.engine().restart({.graceful = false});
  ASSERT_TRUE(harness_.wait_until([&] { return harness_.engine().up(); }));
  EXPECT_EQ(observe(spec).state, ContainerState::Running);
}

TEST_F(SimulatedEngineTest, KilledEngineMayForgetThatAContainerRan) {
  auto spec = harness_.spec(Work::ExitWithResult);
  auto id = harness_.run(runtime_->create(spec)).value();
  ASSERT_TRUE(harness_.run(runtime_->start(spec.ref, id)).has_value());
  ASSERT_TRUE(harness_.wait_until([&] { return observe(spec).state == ContainerState::Exited; }));
  harness_.engine().restart({.graceful = false, .forgets = {container_name(spec.ref)}});
  ASSERT_TRUE(harness_.wait_until([&] { return harness_.engine().up(); }));
  auto seen = observe(spec);
  EXPECT_EQ(seen.state, ContainerState::Created);
  EXPECT_EQ(seen.started_at, TimePoint{});
  EXPECT_EQ(harness_.run(runtime_->collect(spec.ref, id, spec.limits, {})).value().result,
            R"({"answer":42})");
}

TEST_F(SimulatedEngineTest, RemovalInProgressIsNotGone) {
  harness_.engine().set_removal_takes(seconds(2));
  auto spec = harness_.spec(Work::ExitThree);
  auto id = harness_.run(runtime_->create(spec)).value();
  EXPECT_FALSE(harness_.run(runtime_->remove(spec.ref, id)).value());
  EXPECT_EQ(observe(spec).state, ContainerState::Removing);
  EXPECT_TRUE(harness_.wait_until([&] { return harness_.run(runtime_->remove(spec.ref, id)).value(); }));
}

}  // namespace
}  // namespace slipway::runtime

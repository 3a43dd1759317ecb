// Time and ownership: deadlines that wait for nobody, and two daemons of one name.

#include <gtest/gtest.h>

#include <string>

#include "test/simulation/scenario.h"

namespace slipway::simulation {
namespace {

using namespace std::chrono_literals;
constexpr auto kTimeout = 20s;  // as scenario.h offers agents

/// From the start of its only container to that container's end, or to now while it runs.
Duration ran_for(World& world) {
  const auto& container = world.engine().containers().begin()->second;
  const auto end = container.process_alive ? world.clock().now() : container.finished_at;
  return end - container.started_at;
}

bool process_ended(World& world) {
  const auto& all = world.engine().containers();
  return !all.empty() && all.begin()->second.started_at != TimePoint{} && !all.begin()->second.process_alive;
}

TEST(DeadlineSimulation, DeadlineIsKeptWhileTheDatabaseIsAway) {
  World world;
  offer(world, "agent", {.runs_for = 1h});
  const auto id = submit(world, "agent");
  world.boot();
  ASSERT_TRUE(world.run_until(stands_at(world, id, Stage::Running), 10s));
  world.db().set_down(true);
  ASSERT_TRUE(world.run_until([&] { return process_ended(world); }, 2min));
  EXPECT_LE(ran_for(world), kTimeout + 1s);
  world.db().set_down(false);
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 2min));
  EXPECT_EQ(world.db().row(id)->exec.reason, Reason::DeadlineExceeded);
}

TEST(DeadlineSimulation, DeadlineIsKeptWhenTheDatabaseGoesAwayWithTheStart) {
  World world;
  offer(world, "agent", {.runs_for = 1h});
  const auto id = submit(world, "agent");
  world.boot();
  ASSERT_TRUE(world.run_until([&] { return world.line().last_verb == "runtime.start"; }, 10s));
  world.db().set_down(true);
  ASSERT_TRUE(world.run_until([&] { return process_ended(world); }, 2min));
  EXPECT_LE(ran_for(world), kTimeout + 1s);
  world.db().set_down(false);
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 2min));
  EXPECT_EQ(world.db().row(id)->exec.reason, Reason::DeadlineExceeded);
}

TEST(DeadlineSimulation, WhoIgnoresTermIsKilledWhileTheDatabaseIsAway) {
  World world;
  offer(world, "agent", {.runs_for = 1h, .ignores_term = true});
  const auto id = submit(world, "agent");
  world.boot();
  ASSERT_TRUE(world.run_until(stands_at(world, id, Stage::Running), 10s));
  world.db().set_down(true);
  ASSERT_TRUE(world.run_until([&] { return process_ended(world); }, 2min));
  EXPECT_LE(ran_for(world), kTimeout + 2s + 1s);
}

TEST(DeadlineSimulation, DeadlineThatPassedWhileTheDaemonWasAwayIsEnforcedAtOnce) {
  World world;
  offer(world, "agent", {.runs_for = 1h});
  const auto id = submit(world, "agent");
  world.set_restarts_after(60s);
  world.boot();
  ASSERT_TRUE(world.run_until(stands_at(world, id, Stage::Running), 10s));
  world.line().die();
  ASSERT_TRUE(world.run_until([&] { return process_ended(world); }, 2min));
  EXPECT_GE(ran_for(world), 60s);
  EXPECT_LE(ran_for(world), 62s);
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 2min));
  EXPECT_EQ(world.db().row(id)->exec.reason, Reason::DeadlineExceeded);
}

TEST(DeadlineSimulation, ShortenedTimeoutEndsARunningOne) {
  World world;
  offer(world, "agent", {.runs_for = 1h});
  const auto id = submit(world, "agent");
  world.boot();
  ASSERT_TRUE(world.run_until(stands_at(world, id, Stage::Running), 10s));
  ASSERT_TRUE(world.db().change_timeout(id, 5s));
  ASSERT_TRUE(world.run_until([&] { return process_ended(world); }, 1min));
  EXPECT_LE(ran_for(world), 6s);
}

class RivalSimulation : public ::testing::TestWithParam<Scenario> {
 protected:
  // A second daemon takes the name over at a hundred moments of the story; the first one is stopped for so
  // long.
  void take_over_at_every_moment(Duration stopped_for) {
    for (int step = 0; step < 100; ++step) {
      const auto moment = std::chrono::milliseconds(step * step * 3);
      SCOPED_TRACE("taken over after " + std::to_string(moment.count()) + " ms");
      World world;
      const auto id = GetParam().arrange(world);
      world.boot();
      world.clock().after(moment, [&] { world.boot_rival(stopped_for); });
      world.run_until([] { return false; }, moment + 1s);
      ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 5min));
      world.run_until([] { return false; }, stopped_for + 25s);
      EXPECT_EQ(world.end_state(id), GetParam().end);
      for (const auto& breach : world.breaches()) ADD_FAILURE() << breach;
    }
  }
};

TEST_P(RivalSimulation, TakeoverWhileTheFirstRunsEndsAsTheUndisturbedRun) { take_over_at_every_moment(0s); }

TEST_P(RivalSimulation, StoppedDaemonThatGoesOnLateChangesNothing) {
  take_over_at_every_moment(2s);
  take_over_at_every_moment(60s);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, RivalSimulation, ::testing::ValuesIn(scenarios()),
                         [](const auto& info) { return info.param.name; });

TEST(FenceSimulation, WhoseLeaseRanOutBetweenTheIntentAndTheStartStartsNothing) {
  World world;
  bool cut_off = false, started_without = false;
  int slow = 1;
  world.line().store_latency = [&]() -> Duration {
    // The call that follows the look at what was just created.
    const bool intent = world.line().last_verb == "runtime.observe" && !world.engine().containers().empty();
    if (!intent || slow-- <= 0) return 1ms;
    cut_off = true;
    return default_node().lease + 1s;
  };
  world.line().decide = [&](const CallPoint& point) {
    if (point.verb == "runtime.start") started_without = started_without || !world.node().lease().held();
    return cut_off && point.verb == "store.heartbeat" ? Fate::CallLost : Fate::Pass;
  };
  offer(world, "agent", {.runs_for = 1s, .result = "{}"});
  const auto id = submit(world, "agent");
  world.boot();
  ASSERT_TRUE(world.run_until(stands_at(world, id, Stage::Launching), 60s));
  world.run_until([] { return false; }, 10s);
  EXPECT_TRUE(world.engine().starts().empty());
  cut_off = false;
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 120s));
  EXPECT_FALSE(started_without);
  EXPECT_EQ(world.db().row(id)->exec.reason, Reason::Completed);
  EXPECT_EQ(world.engine().starts().size(), 1U);
}

}  // namespace
}  // namespace slipway::simulation

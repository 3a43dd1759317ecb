// Faults of the engine and of the host, through the whole node: who pays, and how often a process ran.

#include <gtest/gtest.h>

#include "test/simulation/scenario.h"

namespace slipway::simulation {
namespace {

using namespace std::chrono_literals;

class VerdictSimulation : public testing::Test {
 protected:
  ExecutionId begin(runtime::Workload workload) {
    offer(world_, "agent", std::move(workload));
    const auto id = submit(world_, "agent");
    world_.boot();
    return id;
  }
  const Execution& row(const ExecutionId& id) { return world_.db().row(id)->exec; }
  bool converges() {
    return world_.run_until([&] { return world_.converged(); }, 120s);
  }
  World world_;
};

TEST_F(VerdictSimulation, AnEngineWithoutItsContainerdIsWaitedForUnderTheSameAttempt) {
  world_.engine().set_starts_failing(4);
  const auto id = begin({.runs_for = 1s, .result = "{}"});
  ASSERT_TRUE(converges());
  EXPECT_EQ(row(id).reason, Reason::Completed);
  EXPECT_EQ(row(id).ref.attempt, 1);
  EXPECT_EQ(world_.engine().starts().size(), 1U);
}

TEST_F(VerdictSimulation, AStartThatNeverSucceedsEnds) {
  world_.engine().set_starts_failing(1000);
  const auto id = begin({.runs_for = 1s, .result = "{}"});
  ASSERT_TRUE(converges());
  EXPECT_EQ(row(id).reason, Reason::EngineError);
  EXPECT_TRUE(world_.engine().starts().empty());
}

TEST_F(VerdictSimulation, WhatAPersonStoppedIsTriedAgain) {
  const auto id = begin({.runs_for = 5s, .result = "{}"});
  ASSERT_TRUE(world_.run_until(stands_at(world_, id, Stage::Running), 10s));
  world_.engine().person_stops(world_.engine().starts().back().name);
  ASSERT_TRUE(converges());
  EXPECT_EQ(row(id).reason, Reason::Completed);
  EXPECT_EQ(row(id).ref.attempt, 2);
}

TEST_F(VerdictSimulation, AnEngineWithoutRoomIsNotTheAgentsFault) {
  world_.engine().set_full(true);
  const auto id = begin({.runs_for = 1s, .result = "{}"});
  ASSERT_TRUE(world_.run_until(
      [&] {
        return row(id).reason == Reason::NodeStorageFull || row(id).stage == Stage::Recycling ||
               row(id).ref.attempt > 1;
      },
      60s));
  world_.engine().set_full(false);
  ASSERT_TRUE(converges());
  EXPECT_EQ(row(id).reason, Reason::Completed);
  EXPECT_GT(row(id).ref.attempt, 1);
}

}  // namespace
}  // namespace slipway::simulation

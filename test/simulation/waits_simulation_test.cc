// A claim is a loan: what this node cannot start is free for whoever can.

#include <gtest/gtest.h>

#include "test/simulation/scenario.h"

namespace slipway::simulation {
namespace {

using namespace std::chrono_literals;

int count_at(World& world, const std::vector<ExecutionId>& ids, Stage stage) {
  int count = 0;
  for (const auto& id : ids) count += world.db().row(id)->exec.stage == stage ? 1 : 0;
  return count;
}

std::vector<ExecutionId> submit_many(World& world, int count) {
  std::vector<ExecutionId> ids;
  for (int i = 0; i < count; ++i) ids.push_back(submit(world, "agent"));
  return ids;
}

TEST(WaitsSimulation, ANodeWithoutAnEngineTakesNothing) {
  World world;
  offer(world, "agent", {.runs_for = 1s, .result = "{}"});
  world.boot();
  ASSERT_TRUE(world.run_until([&] { return world.alive() && world.node().ready(); }, 5s));
  world.engine().restart({.graceful = true, .down_for = 300s});
  const auto ids = submit_many(world, 5);
  world.run_until([] { return false; }, 100s);
  EXPECT_EQ(count_at(world, ids, Stage::Queued), 5);
  EXPECT_FALSE(world.node().ready());
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 400s));
  for (const auto& id : ids) EXPECT_EQ(world.db().row(id)->exec.reason, Reason::Completed);
}

TEST(WaitsSimulation, WhatItCannotStartGoesBackToTheQueueWithItsUse) {
  World world;
  offer(world, "agent", {.runs_for = 1s, .result = "{}"});
  const auto id = submit(world, "agent");
  world.add_incident({stands_at(world, id, Stage::Claimed),
                      [&] { world.engine().restart({.graceful = true, .down_for = 600s}); }});
  world.boot();
  ASSERT_TRUE(world.run_until(stands_at(world, id, Stage::Claimed), 5s));
  ASSERT_TRUE(world.run_until(stands_at(world, id, Stage::Queued), 100s)) << "a healthy node could run it";
}

TEST(WaitsSimulation, AnImageThatIsThereWaitsForNoRegistry) {
  World world;
  world.engine().set_latency(
      [](std::string_view verb) -> Duration { return verb == "pull" ? Duration(1h) : Duration(1ms); });
  offer(world, "agent", {.runs_for = 1s, .result = "{}"});
  std::vector<ExecutionId> hung;
  for (int i = 0; i < 6; ++i) {
    const auto name = "reg.example/away-" + std::to_string(i);
    world.db().put_agent(name, agent_of(name));
    world.db().grant("u-1", name, 1);
    hung.push_back(submit(world, name));
  }
  world.boot();
  ASSERT_TRUE(world.run_until([&] { return count_at(world, hung, Stage::Claimed) == 6; }, 5s));
  const auto id = submit(world, "agent");
  ASSERT_TRUE(world.run_until(stands_at(world, id, Stage::Finished), 5s))
      << "looking is never behind pulling";
  EXPECT_EQ(world.db().row(id)->exec.reason, Reason::Completed);
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 3600s)) << "every time-out counts";
  for (const auto& each : hung) EXPECT_EQ(world.db().row(each)->exec.reason, Reason::ImagePullFailed);
}

TEST(WaitsSimulation, AStartThatNeverAnswersEndsForItsUserAndLosesItsSlot) {
  World world;
  bool hangs = true;
  world.engine().set_latency([&](std::string_view verb) -> Duration {
    return hangs && verb == "start" ? Duration(20min) : Duration(1ms);
  });
  offer(world, "agent", {.runs_for = 1s, .result = "{}"});
  const auto id = submit(world, "agent");
  world.boot();
  ASSERT_TRUE(world.run_until(stands_at(world, id, Stage::Launching), 5s));
  ASSERT_TRUE(world.run_until(stands_at(world, id, Stage::Finished), 300s));
  EXPECT_EQ(world.db().row(id)->exec.reason, Reason::EngineError);
  hangs = false;
  world.run_until([] { return false; }, 60s);
  EXPECT_EQ(world.node().slots().lost(), 1);
  EXPECT_EQ(world.node().slots().free(), 7);
  EXPECT_EQ(world.node().troubles().back().loop, "slots");
  const auto other = submit(world, "agent");
  ASSERT_TRUE(world.run_until(stands_at(world, other, Stage::Cleaned), 60s)) << "others go on";
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 3600s)) << "the start answers at last";
  EXPECT_EQ(world.node().slots().lost(), 0);
  EXPECT_EQ(world.end_state(id).find("spend=refunded") == std::string::npos, false) << world.end_state(id);
}

}  // namespace
}  // namespace slipway::simulation

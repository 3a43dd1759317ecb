// A claim is a loan: what this node cannot start is free for whoever can.

#include <gtest/gtest.h>

#include <set>

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

/// An engine that answers about everything but the containers of one agent, as one whose start blocks on a
/// pipe in its image does.
class HungContainers : public testing::Test {
 protected:
  void SetUp() override {
    world_.engine().set_held_up([this](std::string_view verb, const std::string& name) -> Duration {
      return held_up_.contains(std::string(verb)) && is_of_agent(name) ? Duration(20min) : Duration{0};
    });
    offer(world_, "other", {.runs_for = 1s, .result = "{}"});
    world_.boot();
  }
  bool is_of_agent(const std::string& name) {
    for (const auto& id : ids_)
      if (name.find(id) != std::string::npos) return true;
    return false;
  }
  ExecutionId submit_it() { return ids_.emplace_back(submit(world_, "agent")); }
  bool until(const ExecutionId& id, Stage stage, Duration limit) {
    return world_.run_until(stands_at(world_, id, stage), limit);
  }
  const Execution& row(const ExecutionId& id) { return world_.db().row(id)->exec; }
  bool is_refunded(const ExecutionId& id) {
    return world_.end_state(id).find("spend=refunded") != std::string::npos;
  }
  void others_go_on() {
    const auto other = submit(world_, "other");
    EXPECT_TRUE(until(other, Stage::Cleaned, 60s));
  }
  void expect_all_free_in_the_end() {
    held_up_.clear();
    EXPECT_TRUE(world_.run_until([&] { return world_.converged(); }, 3600s));
    EXPECT_EQ(world_.node().slots().lost(), 0);
    EXPECT_EQ(world_.node().slots().used(), 0);
    EXPECT_TRUE(world_.breaches().empty()) << world_.breaches().front();
  }

  World world_;
  std::vector<ExecutionId> ids_;
  std::set<std::string> held_up_;
};

TEST_F(HungContainers, ARunThatNobodyCanLookAtIsNotEndedBeforeItsTime) {
  offer(world_, "agent", {.runs_for = 200s, .result = "{}"});
  auto spec = agent_of("agent");
  spec.timeout = spec.max_timeout = 300s;
  world_.db().put_agent("agent", spec);
  const auto id = submit_it();
  ASSERT_TRUE(until(id, Stage::Running, 5s));
  held_up_ = {"observe"};
  world_.run_until([] { return false; }, 250s);  // far longer than it may be silent
  EXPECT_EQ(row(id).stage, Stage::Running);
  held_up_.clear();
  ASSERT_TRUE(until(id, Stage::Finished, 60s));
  EXPECT_EQ(row(id).reason, Reason::Completed);
  expect_all_free_in_the_end();
}

TEST_F(HungContainers, ARunThatNobodyCanLookAtEndsAfterItsTime) {
  offer(world_, "agent", {.runs_for = 1h});
  const auto id = submit_it();
  ASSERT_TRUE(until(id, Stage::Running, 5s));
  held_up_ = {"observe", "signal", "collect", "remove"};
  ASSERT_TRUE(until(id, Stage::Finished, 200s));
  EXPECT_EQ(row(id).reason, Reason::EngineError);
  EXPECT_TRUE(is_refunded(id));
  EXPECT_EQ(world_.node().slots().lost(), 1);
  others_go_on();
  expect_all_free_in_the_end();
}

TEST_F(HungContainers, WhatRunsOnAfterKillEndsForItsUser) {
  offer(world_, "agent", {.runs_for = 1h, .ignores_term = true});
  const auto id = submit_it();
  ASSERT_TRUE(until(id, Stage::Running, 5s));
  held_up_ = {"signal"};
  ASSERT_TRUE(until(id, Stage::Finished, 300s));
  EXPECT_EQ(row(id).reason, Reason::EngineError);
  EXPECT_TRUE(is_refunded(id));
  expect_all_free_in_the_end();
}

TEST_F(HungContainers, WhatARunLeftAndCannotBeReadIsJudgedByItsExitCode) {
  offer(world_, "agent", {.runs_for = 1s, .result = "{}"});
  const auto good = submit_it();
  held_up_ = {"collect"};
  ASSERT_TRUE(until(good, Stage::Running, 5s));
  world_.engine().add_image("agent", {.runs_for = 1s, .exit_code = 3});
  const auto bad = submit_it();
  ASSERT_TRUE(until(bad, Stage::Running, 5s));
  world_.run_until([] { return false; }, 5min);
  EXPECT_EQ(row(good).stage, Stage::Running) << "a result is not given up lightly";
  ASSERT_TRUE(until(bad, Stage::Cleaned, 15min));
  EXPECT_EQ(row(bad).reason, Reason::NonZeroExit);
  EXPECT_FALSE(is_refunded(bad));
  ASSERT_TRUE(
      world_.run_until([&] { return row(good).ref.attempt == 2 || is_final(row(good).status); }, 15min));
  EXPECT_EQ(world_.db().attempts(good).front().end->reason, Reason::EngineError);
  expect_all_free_in_the_end();
}

TEST_F(HungContainers, WhatCannotBeRemovedCostsASlotAndNoResult) {
  offer(world_, "agent", {.runs_for = 1s, .result = "{}"});
  held_up_ = {"remove"};
  const auto id = submit_it();
  ASSERT_TRUE(until(id, Stage::Finished, 60s));
  EXPECT_EQ(row(id).reason, Reason::Completed);
  EXPECT_EQ(world_.node().slots().lost(), 0);
  ASSERT_TRUE(world_.run_until([&] { return world_.node().slots().lost() == 1; }, 200s));
  EXPECT_EQ(world_.node().troubles().back().loop, "slots");
  others_go_on();
  expect_all_free_in_the_end();
}

TEST_F(HungContainers, ASlotIsFoundAgainThoughTheAnswerToTheLastStepIsLost) {
  offer(world_, "agent", {.runs_for = 1s, .result = "{}"});
  held_up_ = {"remove"};
  submit_it();
  ASSERT_TRUE(world_.run_until([&] { return world_.node().slots().lost() == 1; }, 300s));
  int losses = 1;
  world_.line().decide = [&](const CallPoint& point) {
    return point.verb == "store.record Finished>Cleaned" && losses-- > 0 ? Fate::AnswerLost : Fate::Pass;
  };
  held_up_.clear();
  ASSERT_TRUE(world_.run_until([&] { return world_.converged(); }, 3600s));
  EXPECT_TRUE(world_.run_until([&] { return world_.node().slots().lost() == 0; }, 60s));
}

TEST_F(HungContainers, AClaimOfWhichNothingIsHeardIsGivenBackAndEndsWhereItCannotBeFreed) {
  offer(world_, "agent", {.runs_for = 1s, .result = "{}"});
  held_up_ = {"create", "observe", "remove"};
  const auto id = submit_it();
  ASSERT_TRUE(until(id, Stage::Claimed, 5s));
  ASSERT_TRUE(until(id, Stage::Recycling, 300s)) << "back to the queue, once it is proven absent";
  EXPECT_EQ(world_.node().slots().lost(), 1);
  ASSERT_TRUE(until(id, Stage::Finished, 30min));
  EXPECT_EQ(row(id).reason, Reason::EngineError);
  EXPECT_TRUE(is_refunded(id));
  EXPECT_EQ(row(id).ref.attempt, 1) << "no attempt beside one that may be there";
  expect_all_free_in_the_end();
}

TEST_F(HungContainers, AnImageThatHasCostTwoSlotsIsKeptOutUntilSomebodyLiftsThat) {
  offer(world_, "agent", {.runs_for = 1s, .result = "{}"});
  held_up_ = {"start"};
  const auto first = submit_it(), second = submit_it();
  ASSERT_TRUE(until(first, Stage::Launching, 5s));
  ASSERT_TRUE(until(second, Stage::Launching, 5s));
  others_go_on();
  ASSERT_TRUE(until(first, Stage::Finished, 300s));
  ASSERT_TRUE(until(second, Stage::Finished, 300s));
  EXPECT_EQ(world_.node().slots().lost(), 2);
  held_up_.clear();
  const auto third = submit_it();
  ASSERT_TRUE(until(third, Stage::Finished, 60s));
  EXPECT_EQ(row(third).reason, Reason::ImageNotAllowed);
  others_go_on();
  world_.node().lift_quarantine();
  const auto fourth = submit_it();
  ASSERT_TRUE(until(fourth, Stage::Finished, 60s));
  EXPECT_EQ(row(fourth).reason, Reason::Completed);
  expect_all_free_in_the_end();
}

TEST_F(HungContainers, AnImageIsNotBlamedWhereNoOtherStarts) {
  offer(world_, "agent", {.runs_for = 1s, .result = "{}"});
  held_up_ = {"start"};
  const auto first = submit_it(), second = submit_it();
  ASSERT_TRUE(until(first, Stage::Finished, 300s));
  ASSERT_TRUE(until(second, Stage::Finished, 300s));
  held_up_.clear();
  const auto third = submit_it();
  ASSERT_TRUE(until(third, Stage::Finished, 60s));
  EXPECT_EQ(row(third).reason, Reason::Completed);
  expect_all_free_in_the_end();
}

}  // namespace
}  // namespace slipway::simulation

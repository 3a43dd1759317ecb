// What a container says is stored while it runs, and once, whatever befalls those who store it.
#include <gtest/gtest.h>

#include <string>

#include "test/simulation/scenario.h"

namespace slipway::simulation {
namespace {

using namespace std::chrono_literals;

std::string stored(World& world, const ExecutionId& id) {
  std::string all;
  const auto attempts = world.db().attempts(id);
  if (attempts.empty()) return all;
  for (const auto& piece : attempts.back().log) {
    EXPECT_EQ(piece.place, static_cast<std::int64_t>(all.size())) << "no gap, and nothing twice";
    all += piece.chunk.bytes;
  }
  return all;
}

class LiveLog : public ::testing::TestWithParam<std::tuple<const char*, Fate>> {};

TEST_P(LiveLog, IsStoredOnceWhileItRunsWhateverBefallsACall) {
  const std::string verb = std::get<0>(GetParam());
  const auto fate = std::get<1>(GetParam());
  World world;
  offer(world, "agent", {.runs_for = 10s, .result = "1", .stdout_text = "hello\n"});
  int met = 0;
  world.line().decide = [&](const CallPoint& point) {
    return point.verb == verb && ++met == 1 ? fate : Fate::Pass;
  };
  const auto id = submit(world, "agent");
  world.boot();
  ASSERT_TRUE(world.run_until([&] { return !stored(world, id).empty(); }, 10s)) << "long before the end";
  EXPECT_EQ(world.db().row(id)->exec.stage, Stage::Running);
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 2min));
  EXPECT_GE(met, 1);
  EXPECT_EQ(stored(world, id), "hello\n");
  EXPECT_EQ(world.db().row(id)->exec.reason, Reason::Completed);
  EXPECT_EQ(world.breaches(), std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(
    Calls, LiveLog,
    ::testing::Combine(::testing::Values("store.live_log", "runtime.follow", "store.append_log"),
                       ::testing::Values(Fate::Pass, Fate::CallLost, Fate::AnswerLost, Fate::DiesBefore,
                                         Fate::DiesDuring, Fate::DiesAfter)));

TEST(LiveLogSimulation, WhatEndsAtOnceIsNotFollowed) {
  World world;
  offer(world, "agent", {.runs_for = 300ms, .result = "1", .stdout_text = "hello\n"});
  int met = 0;
  world.line().decide = [&](const CallPoint& point) {
    met += point.verb == "runtime.follow" || point.verb == "store.live_log" ? 1 : 0;
    return Fate::Pass;
  };
  const auto id = submit(world, "agent");
  world.boot();
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 2min));
  EXPECT_EQ(stored(world, id), "hello\n");
  EXPECT_EQ(met, 0);
}

TEST(LiveLogSimulation, AStoreThatIsAwayCostsTheViewAndNothingElse) {
  World world;
  offer(world, "agent", {.runs_for = 15s, .result = "1", .stdout_text = "hello\n"});
  const auto id = submit(world, "agent");
  world.boot();
  ASSERT_TRUE(world.run_until(stands_at(world, id, Stage::Running), 10s));
  world.db().set_down(true);
  world.run_until([] { return false; }, 5s);
  world.db().set_down(false);
  EXPECT_TRUE(world.run_until([&] { return stored(world, id) == "hello\n"; }, 9s)) << "it is taken up again";
  EXPECT_EQ(world.db().row(id)->exec.stage, Stage::Running);
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 2min));
  EXPECT_EQ(stored(world, id), "hello\n");
}

TEST(LiveLogSimulation, ALostContainerLeavesWhatItWasHeardToSay) {
  World world;
  offer(world, "agent", {.runs_for = 1h, .stdout_text = "last words\n"});
  const auto id = submit(world, "agent");
  world.boot();
  ASSERT_TRUE(world.run_until([&] { return !stored(world, id).empty(); }, 10s));
  world.engine().person_removes(world.engine().containers().begin()->first);
  ASSERT_TRUE(world.run_until([&] { return world.db().attempts(id).front().end.has_value(); }, 30s));
  std::string said;
  const auto attempts = world.db().attempts(id);
  for (const auto& piece : attempts.front().log) said += piece.chunk.bytes;
  EXPECT_EQ(said, "last words\n");
}

}  // namespace
}  // namespace slipway::simulation

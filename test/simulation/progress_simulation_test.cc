// A loop that gets nowhere is told of, and tells again when it does.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/simulation/scenario.h"

namespace slipway::simulation {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// Every call of this verb is lost until the flag says otherwise.
void lose(World& world, const std::string& verb, const bool& broken) {
  world.line().decide = [verb, &broken](const CallPoint& point) {
    return broken && point.verb.starts_with(verb) ? Fate::CallLost : Fate::Pass;
  };
}

TEST(ProgressSimulation, ADecisionThatOnlyFailsMakesTheNodeNotReadyAndSaysWhy) {
  bool broken = true;
  World world;
  lose(world, "store.list_undecided", broken);
  offer(world, "agent", {.runs_for = 1s, .result = "{}"});
  const auto id = submit(world, "agent");
  world.boot();
  ASSERT_TRUE(world.run_until([&] { return world.alive() && world.node().lease().held(); }, 5s));
  EXPECT_TRUE(world.node().ready());
  ASSERT_TRUE(world.run_until([&] { return !world.node().ready(); }, 50s));
  const auto troubles = world.node().troubles();
  ASSERT_EQ(troubles.size(), 1U);
  EXPECT_EQ(troubles[0].loop, "claim");
  EXPECT_TRUE(troubles[0].stops);
  EXPECT_THAT(troubles[0].what, HasSubstr("no pass has succeeded for 3"));
  broken = false;
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 60s));
  EXPECT_EQ(world.db().row(id)->exec.reason, Reason::Completed);
  EXPECT_TRUE(world.node().ready());
}

TEST(ProgressSimulation, ABusyNodeIsReady) {
  World world;
  offer(world, "agent", {.runs_for = 1h});
  for (int i = 0; i < 5; ++i) submit(world, "agent");
  world.boot();
  world.run_until([] { return false; }, 15s);
  EXPECT_TRUE(world.node().ready());
  EXPECT_TRUE(world.node().troubles().empty());
}

TEST(ProgressSimulation, HintsOfWhatIsNotThisNodesAreNotLookedInto) {
  World world;
  int loads = 0;
  world.line().decide = [&](const CallPoint& point) {
    loads += point.verb.starts_with("store.load") ? 1 : 0;
    return Fate::Pass;
  };
  world.boot();
  ASSERT_TRUE(world.run_until([&] { return world.alive() && world.node().ready(); }, 5s));
  for (int i = 0; i < 1000; ++i)
    world.db().notify(
        {store::Hint::Kind::Changed, "01890000-0000-7000-8000-" + std::to_string(100'000'000'000 + i)});
  world.run_until([] { return false; }, 2s);
  EXPECT_EQ(loads, 0);
}

}  // namespace
}  // namespace slipway::simulation

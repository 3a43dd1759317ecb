// How a node takes work: what it may wait for and what not.

#include <gtest/gtest.h>

#include <string>

#include "test/simulation/scenario.h"

namespace slipway::simulation {
namespace {

using namespace std::chrono_literals;

TEST(ClaimSimulation, FullNodeClaimsForSeveralSlotsAtOnce) {
  constexpr int kExecutions = 80;
  World world;
  // Ends that never fall together: a claim for each slot that comes free would be one an execution.
  for (int i = 0; i < 8; ++i) {
    const auto agent = "agent-" + std::to_string(i);
    offer(world, agent, {.runs_for = 300ms + i * 17ms});
    world.db().grant("u-1", agent, kExecutions);
    for (int n = 0; n < kExecutions / 8; ++n) submit(world, agent);
  }
  int claims = 0;
  world.line().decide = [&](const CallPoint& point) {
    claims += point.verb == "store.claim";
    return Fate::Pass;
  };
  world.boot();
  ASSERT_TRUE(world.run_until([&] { return world.converged(); }, 5min));
  EXPECT_LE(claims, kExecutions / 2);
  EXPECT_GE(claims, kExecutions / 8) << "eight slots";
}

}  // namespace
}  // namespace slipway::simulation

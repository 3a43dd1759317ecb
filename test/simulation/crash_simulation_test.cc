// Kills the daemon before, during and after every call it makes, cuts every call and every answer, one at a
// time, and holds the end against the undisturbed run.

#include <gtest/gtest.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "test/simulation/scenario.h"

namespace slipway::simulation {
namespace {

constexpr auto kPatience = std::chrono::minutes(5);

struct Run {
  std::vector<std::string> trace;
  std::size_t points = 0;  ///< of the trace, up to convergence
  std::string end;
  std::vector<std::string> breaches;
  bool converged = false;
  int deaths = 0;
};

Run play(const Scenario& scenario, std::optional<std::size_t> at, Fate fate) {
  World world;
  Run run;
  world.line().decide = [&](const CallPoint& point) {
    run.trace.push_back(point.verb);
    return at == run.trace.size() - 1 ? fate : Fate::Pass;
  };
  const auto id = scenario.arrange(world);
  world.boot();
  run.converged = world.run_until([&] { return world.converged(); }, kPatience);
  run.points = run.trace.size();
  // Two more walks of both lists: whatever comes late shows itself.
  world.run_until([] { return false; }, std::chrono::seconds(25));
  run.end = world.end_state(id);
  run.breaches = world.breaches();
  run.deaths = world.deaths();
  return run;
}

const char* name_of(Fate fate) {
  switch (fate) {
    case Fate::Pass:
      return "pass";
    case Fate::CallLost:
      return "call lost";
    case Fate::AnswerLost:
      return "answer lost";
    case Fate::DiesBefore:
      return "dies before";
    case Fate::DiesDuring:
      return "dies during";
    case Fate::DiesAfter:
      return "dies after";
  }
  return "";
}

class CrashSimulation : public ::testing::TestWithParam<Scenario> {};

TEST_P(CrashSimulation, UndisturbedRunKeepsThePromises) {
  const auto run = play(GetParam(), std::nullopt, Fate::Pass);
  EXPECT_TRUE(run.converged) << run.end;
  EXPECT_TRUE(run.breaches.empty()) << run.breaches.front();
  std::printf("%s: %s, %zu points\n", GetParam().name.c_str(), run.end.c_str(), run.points);
}

TEST_P(CrashSimulation, EveryPointEndsAsTheUndisturbedRun) {
  const auto undisturbed = play(GetParam(), std::nullopt, Fate::Pass);
  int runs = 0;
  for (auto fate : {Fate::DiesBefore, Fate::DiesDuring, Fate::DiesAfter, Fate::AnswerLost, Fate::CallLost}) {
    for (std::size_t at = 0; at < undisturbed.points; ++at) {
      SCOPED_TRACE(std::string(name_of(fate)) + " at point " + std::to_string(at) + ", " +
                   undisturbed.trace[at]);
      const auto run = play(GetParam(), at, fate);
      ++runs;
      EXPECT_TRUE(run.converged);
      EXPECT_EQ(run.end, undisturbed.end);
      for (const auto& breach : run.breaches) ADD_FAILURE() << breach;
      const bool dies = fate != Fate::AnswerLost && fate != Fate::CallLost;
      EXPECT_EQ(run.deaths, dies ? 1 : 0);
    }
  }
  std::printf("%s: %zu points, %d disturbed runs\n", GetParam().name.c_str(), undisturbed.points, runs);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, CrashSimulation, ::testing::ValuesIn(scenarios()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace slipway::simulation

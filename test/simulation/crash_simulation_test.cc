// Kills the daemon before, during and after every call it makes, cuts every call and every answer, one at a
// time, and holds the end against the undisturbed run.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "test/simulation/scenario.h"

namespace slipway::simulation {
namespace {

constexpr auto kPatience = std::chrono::minutes(5);

struct Ending {
  std::vector<std::string> trace;
  std::size_t points = 0;  ///< of the trace, up to convergence
  std::string end;
  std::vector<std::string> breaches;
  bool converged = false;
  int deaths = 0;
};

enum class Engine {
  Quick,   ///< answers within a millisecond
  Slow,    ///< needs longer for a create or a start than a killed daemon needs to be back
  Late,    ///< slow, and a start on its way is not seen by an inspect
  Volume,  ///< late, and without the start fence
};

void set_up(World& world, Engine engine) {
  if (engine == Engine::Volume) world.engine().set_volume_mode();
  if (engine == Engine::Quick) return;
  if (engine != Engine::Slow) world.engine().set_starts_unseen();
  world.engine().set_latency([](std::string_view verb) {
    const bool slow = verb == "create" || verb == "start" || verb == "remove";
    return slow ? std::chrono::milliseconds(2500) : std::chrono::milliseconds(1);
  });
}

Ending play(const Scenario& scenario, Engine engine, std::optional<std::size_t> at, Fate fate) {
  World world;
  set_up(world, engine);
  Ending run;
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
    case Fate::Refused:
      return "refused";
    case Fate::DiesBefore:
      return "dies before";
    case Fate::DiesDuring:
      return "dies during";
    case Fate::DiesAfter:
      return "dies after";
  }
  return "";
}

class CrashSimulation : public ::testing::TestWithParam<std::tuple<Scenario, Engine>> {
 protected:
  Ending play(std::optional<std::size_t> at, Fate fate) const {
    return simulation::play(scenario_, engine_, at, fate);
  }

  const Scenario scenario_ = std::get<Scenario>(GetParam());
  const Engine engine_ = std::get<Engine>(GetParam());
};

TEST_P(CrashSimulation, UndisturbedRunKeepsThePromises) {
  const auto run = play(std::nullopt, Fate::Pass);
  EXPECT_TRUE(run.converged);
  EXPECT_EQ(run.end, scenario_.end);
  EXPECT_TRUE(run.breaches.empty()) << run.breaches.front();
  // One TERM, and one KILL where that was ignored: the guard of deadlines does not repeat what a pass has
  // done.
  EXPECT_LE(std::ranges::count(run.trace, "runtime.signal"),
            scenario_.name.ends_with("ignores_term") ? 2 : 1);
  std::printf("%s: %s, %zu points\n", scenario_.name.c_str(), run.end.c_str(), run.points);
}

TEST_P(CrashSimulation, EveryPointEndsAsTheUndisturbedRun) {
  const auto undisturbed = play(std::nullopt, Fate::Pass);
  int runs = 0;
  for (auto fate : {Fate::DiesBefore, Fate::DiesDuring, Fate::DiesAfter, Fate::AnswerLost, Fate::CallLost}) {
    for (std::size_t at = 0; at < undisturbed.points; ++at) {
      SCOPED_TRACE(std::string(name_of(fate)) + " at point " + std::to_string(at) + ", " +
                   undisturbed.trace[at]);
      const auto run = play(at, fate);
      ++runs;
      EXPECT_TRUE(run.converged);
      // Without the fence a start in doubt is given up, and another attempt is made.
      if (engine_ != Engine::Volume) EXPECT_EQ(run.end, undisturbed.end);
      for (const auto& breach : run.breaches) ADD_FAILURE() << breach;
      const bool dies = fate != Fate::AnswerLost && fate != Fate::CallLost;
      EXPECT_EQ(run.deaths, dies ? 1 : 0);
    }
  }
  std::printf("%s: %zu points, %d disturbed runs\n", scenario_.name.c_str(), undisturbed.points, runs);
}

const char* name_of(Engine engine) {
  switch (engine) {
    case Engine::Quick:
      return "quick";
    case Engine::Slow:
      return "slow";
    case Engine::Late:
      return "late";
    case Engine::Volume:
      return "volume";
  }
  return "";
}

INSTANTIATE_TEST_SUITE_P(Scenarios, CrashSimulation,
                         ::testing::Combine(::testing::ValuesIn(scenarios()),
                                            ::testing::Values(Engine::Quick, Engine::Slow, Engine::Late,
                                                              Engine::Volume)),
                         [](const auto& info) {
                           return std::get<Scenario>(info.param).name + "_" +
                                  name_of(std::get<Engine>(info.param));
                         });

}  // namespace
}  // namespace slipway::simulation

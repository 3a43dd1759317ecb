// Random histories, one a seed. SLIPWAY_SEED=n plays one of them and prints every call; SLIPWAY_SEEDS=n plays
// so many, from SLIPWAY_SEED_BASE on: `./dev test` sets that by the commit, so that each plays others.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "test/simulation/scenario.h"
#include "test/support/simulation/storm.h"

namespace slipway::simulation {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif
constexpr std::uint64_t kSeeds = kSanitized ? 300 : 3000;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

void print_calls(World& world) {
  auto decide = world.line().decide;
  world.line().decide = [&world, decide](const CallPoint& point) {
    const auto fate = decide(point);
    const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(world.clock().monotonic()).count();
    if (point.writes || fate != Fate::Pass) {
      std::printf("%8lld.%03lld %s %s\n", static_cast<long long>(at / 1000),
                  static_cast<long long>(at % 1000), point.verb.c_str(),
                  fate == Fate::Pass ? "" : ("!! fate " + std::to_string(static_cast<int>(fate))).c_str());
    }
    return fate;
  };
}

std::string describe_rows(World& world) {
  std::string all;
  for (const auto& [id, row] : world.db().rows()) {
    all += "\n  " + id + " " + std::string(to_string(row.exec.stage)) + " " + world.end_state(id) + " [";
    for (const auto& event : world.db().events(id)) all += event + ", ";
    all += "]";
  }
  return all;
}

struct Tally {
  int deaths = 0;
  std::map<std::string, int> reasons;
};

void play(std::uint64_t seed, bool loud, Tally& tally) {
  SCOPED_TRACE("SLIPWAY_SEED=" + std::to_string(seed));
  World world(seed);
  Storm storm(world);
  if (loud) print_calls(world);
  storm.rage();
  EXPECT_TRUE(world.run_until([&] { return world.converged(); }, std::chrono::minutes(40)))
      << "did not converge" << describe_rows(world);
  world.run_until([] { return false; }, std::chrono::seconds(25));
  // A create that hung in the engine may have come to something only now: the next walk removes that.
  EXPECT_TRUE(world.run_until([&] { return world.converged(); }, std::chrono::minutes(1)));
  for (const auto& breach : world.breaches()) ADD_FAILURE() << breach << describe_rows(world);
  for (const auto* engine : world.engines())
    for (const auto& name : storm.foreign()) EXPECT_TRUE(engine->containers().contains(name)) << name;

  offer(world, "probe", {.runs_for = std::chrono::seconds(1), .result = "{}"});
  const auto probe = submit(world, "probe");
  EXPECT_TRUE(world.run_until([&] { return world.db().row(probe)->exec.stage == Stage::Cleaned; },
                              std::chrono::minutes(1)));
  EXPECT_EQ(world.db().row(probe)->exec.status, Status::Completed);
  tally.deaths += world.deaths();
  for (const auto& [id, row] : world.db().rows()) ++tally.reasons[std::string(to_string(row.exec.reason))];
}

TEST(RandomSimulation, EveryHistoryKeepsThePromises) {
  Tally tally;
  const auto one = number_from("SLIPWAY_SEED", 0);
  if (one != 0) return play(one, true, tally);
  const auto seeds = number_from("SLIPWAY_SEEDS", kSeeds);
  const auto first = number_from("SLIPWAY_SEED_BASE", 1);
  constexpr std::uint64_t kTold = 5000;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    play(seed, false, tally);
    const auto played = seed - first + 1;
    if (played % kTold != 0) continue;
    std::printf("%llu of %llu\n", static_cast<unsigned long long>(played),
                static_cast<unsigned long long>(seeds));
    std::fflush(stdout);
  }
  std::printf("%llu histories from seed %llu, %d deaths of the daemon; ends:",
              static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(first), tally.deaths);
  for (const auto& [reason, count] : tally.reasons) std::printf(" %s %d", reason.c_str(), count);
  std::printf("\n");
}

TEST(RandomSimulation, OneSeedIsOneHistory) {
  const auto history = [](std::uint64_t seed) {
    World world(seed);
    Storm storm(world);
    std::string calls;
    auto decide = world.line().decide;
    world.line().decide = [&](const CallPoint& point) {
      calls += point.verb + "@" + std::to_string(world.clock().monotonic().count()) + "\n";
      return decide(point);
    };
    storm.rage();
    return calls;
  };
  EXPECT_EQ(history(7), history(7));
  EXPECT_NE(history(7), history(8));
}

}  // namespace
}  // namespace slipway::simulation

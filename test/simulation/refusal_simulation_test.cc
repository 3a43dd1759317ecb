// A database that refuses to take, or to give, what is in a row: that row ends all the same, and no other one
// notices.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "test/simulation/scenario.h"

namespace slipway::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 5min;
constexpr int kNeighbours = 2;

struct Ending {
  std::map<ExecutionId, std::string> ends;
  std::vector<CallPoint> trace;
  std::vector<std::string> breaches;
  bool converged = false;
};

/// What becomes of the n-th call.
using Judge = std::function<Fate(std::size_t at, const CallPoint& point, const ExecutionId& story)>;

/// Whose name a node has is no row's data.
bool is_about_rows(const CallPoint& point) {
  return point.verb.starts_with("store.") && point.verb != "store.register_node" &&
         point.verb != "store.heartbeat";
}

/// Every row is at its end and no container is left: what was to befall a row may never have come to that.
bool all_cleaned(World& world) {
  const auto over = [](const auto& entry) {
    const auto& row = entry.second.exec;
    return row.stage == Stage::Cleaned || (row.stage == Stage::Finished && row.owner.empty());
  };
  const auto& containers = world.engine().containers();
  return std::ranges::all_of(world.db().rows(), over) &&
         std::ranges::all_of(containers, [](const auto& entry) { return entry.second.instance.empty(); });
}

/// One story, beside executions that want nothing but to complete.
Ending play(const Scenario& scenario, const Judge& judge) {
  World world;
  Ending run;
  ExecutionId story;
  world.line().decide = [&](const CallPoint& point) {
    if (!is_about_rows(point)) return Fate::Pass;
    run.trace.push_back(point);
    return judge(run.trace.size() - 1, point, story);
  };
  story = scenario.arrange(world);
  offer(world, "neighbour", {.runs_for = 2s, .result = "{}", .stdout_text = "here\n"});
  std::vector<ExecutionId> all{story};
  for (int i = 0; i < kNeighbours; ++i) all.push_back(submit(world, "neighbour"));
  world.boot();
  run.converged = world.run_until([&] { return all_cleaned(world); }, kPatience);
  // How often it was tried and what it cost may change with the moment of another's mishap.
  for (const auto& id : all) {
    const auto end = world.end_state(id);
    run.ends[id] = end.substr(0, end.find(" attempts="));
  }
  run.breaches = world.breaches();
  return run;
}

Fate pass(std::size_t, const CallPoint&, const ExecutionId&) { return Fate::Pass; }

/// What is tried again for as long as it is refused: nothing simpler would do instead.
bool has_no_other_way(const std::string& verb) {
  static const std::set<std::string> verbs = {"store.decide", "store.load", "store.finish",
                                              "store.record Finished>Cleaned"};
  return verbs.contains(verb);
}

class Refusals : public ::testing::TestWithParam<Scenario> {};

TEST_P(Refusals, TheNthReadOrWriteIsRefusedAndEveryRowIsCleanedAndNoOtherRowNotices) {
  const auto undisturbed = play(GetParam(), pass);
  ASSERT_TRUE(undisturbed.converged);
  for (std::size_t n = 0; n < undisturbed.trace.size(); ++n) {
    const auto run = play(GetParam(), [&](std::size_t at, const CallPoint&, const ExecutionId&) {
      return at == n ? Fate::Refused : Fate::Pass;
    });
    const auto& refused = run.trace.at(n);
    SCOPED_TRACE("call " + std::to_string(n) + ": " + refused.verb);
    ASSERT_TRUE(run.converged);
    EXPECT_TRUE(run.breaches.empty()) << run.breaches.front();
    for (const auto& [id, end] : run.ends) {
      const bool at_fault = refused.rows.size() == 1 && refused.rows.front() == id;
      if (!at_fault) EXPECT_EQ(end, undisturbed.ends.at(id));
    }
  }
}

TEST_P(Refusals, WhateverIsRefusedOfOneRowHoweverOftenItEndsAndNoOtherRowNotices) {
  const auto undisturbed = play(GetParam(), pass);
  std::set<std::string> verbs;
  for (const auto& point : undisturbed.trace)
    if (!point.rows.empty()) verbs.insert(point.verb);
  for (const auto& verb : verbs) {
    for (const int times : {1, 2, 3, 4, 1'000'000}) {
      if (times > 4 && has_no_other_way(verb)) continue;
      SCOPED_TRACE(verb + " refused " + std::to_string(times) + " times");
      int left = times;
      ExecutionId at_fault;
      const auto run = play(GetParam(), [&](std::size_t, const CallPoint& point, const ExecutionId& story) {
        at_fault = story;
        const bool about_it = point.verb == verb && std::ranges::find(point.rows, story) != point.rows.end();
        return about_it && left > 0 && left-- > 0 ? Fate::Refused : Fate::Pass;
      });
      ASSERT_TRUE(run.converged);
      EXPECT_TRUE(run.breaches.empty()) << run.breaches.front();
      for (const auto& [id, end] : run.ends)
        if (id != at_fault) EXPECT_EQ(end, undisturbed.ends.at(id));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Stories, Refusals, ::testing::ValuesIn(scenarios()),
                         [](const auto& info) { return info.param.name; });

/// The story that completes, with its end refused so many times.
std::string end_refused(int times) {
  const auto stories = scenarios();
  const auto run = play(stories.front(), [&](std::size_t, const CallPoint& point, const ExecutionId& story) {
    const bool its_end = point.verb == "store.finish" && point.rows.front() == story;
    return its_end && times > 0 && times-- > 0 ? Fate::Refused : Fate::Pass;
  });
  EXPECT_TRUE(run.converged);
  for (const auto& [id, end] : run.ends)
    if (end.find("output={}") == std::string::npos) return end;
  return "none";
}

TEST(RefusedEnd, KeepsItsResultWhereOnlyItsEvidenceCannotBeWritten) {
  EXPECT_EQ(end_refused(1), R"(COMPLETED Completed None exit=0 output={"answer":42})");
}

TEST(RefusedEnd, IsOutputInvalidWhereItsResultCannotBeWritten) {
  EXPECT_EQ(end_refused(2), "FAILED OutputInvalid Agent exit=0 output=-");
}

/// A row that takes no decision at all must not hold up the others, for however long.
TEST(RefusedDecision, OfARowThatTakesNoneHoldsUpNobody) {
  World world;
  ExecutionId poison;
  world.line().decide = [&](const CallPoint& point) {
    const bool about_it = std::ranges::find(point.rows, poison) != point.rows.end();
    return point.verb == "store.decide" && about_it ? Fate::Refused : Fate::Pass;
  };
  offer(world, "agent", {.runs_for = 1s, .result = "{}"});
  std::vector<ExecutionId> others;
  for (int i = 0; i < 5; ++i) {
    const auto id = submit(world, "agent");
    if (i == 2) poison = id;
    if (i != 2) others.push_back(id);
  }
  world.boot();
  EXPECT_TRUE(world.run_until(
      [&] {
        return std::ranges::all_of(
            others, [&](const auto& id) { return world.db().row(id)->exec.stage == Stage::Cleaned; });
      },
      30s));
  EXPECT_EQ(world.db().row(poison)->exec.stage, Stage::New);
}

}  // namespace
}  // namespace slipway::simulation

// The engine dies, or is stopped, while an execution stands at each of its stages; with and without
// live-restore. What must come of it is a table.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "test/faults/containers.h"
#include "test/faults/crash_rig.h"

namespace slipway::test {
namespace {

constexpr const char* kQuick = "echo up; cp /input/input.json /output/result.json";
constexpr const char* kLong =
    "echo up; trap '' TERM; i=0; while [ $i -lt 50 ]; do sleep 0.1; i=$((i+1)); done; cp /input/input.json "
    "/output/result.json";

/// Where an execution stands when the engine goes: held there by its request, before or after it is passed
/// on.
struct Place {
  const char* name;
  const char* script;
  std::optional<Point> held;  ///< none: at Running
};

const Place kPlaces[] = {
    {"Running, exited", kQuick, Point{"GET /containers/{attempt}/logs", Moment::Before}},
    {"Finished", kQuick, Point{"DELETE /containers/{attempt}", Moment::Before}},
    {"Claimed, created", kQuick, Point{"POST /containers/create {attempt}", Moment::After}},
    {"Launching, start unsent", kQuick, Point{"POST /containers/{attempt}/start", Moment::Before}},
    {"Launching, start unanswered", kLong, Point{"POST /containers/{attempt}/start", Moment::After}},
    {"Running", kLong, std::nullopt},
};

using Reasons = std::vector<std::string>;

struct Restart {
  const char* name;
  bool live_restore;
  bool killed;  ///< or stopped in order
  /// Per place; more than one where the engine itself may or may not remember what became of a container.
  Reasons expected[std::size(kPlaces)];
};

void PrintTo(const Restart& restart, std::ostream* out) { *out << restart.name; }

const Reasons kCompleted = {"Completed"};
const Reasons kLost = {"ContainerLost"};
/// The engine that comes back without live-restore kills what it finds, or has forgotten that it ran.
const Reasons kStopped = {"Interrupted", "ContainerLost"};
/// It ran to its end before; a killed engine may not have written that down.
const Reasons kMayBeForgotten = {"Completed", "ContainerLost"};

const Restart kRestarts[] = {
    {"killed, live-restore",
     true,
     true,
     {kMayBeForgotten, kCompleted, kCompleted, kLost, kCompleted, kCompleted}},
    {"stopped, live-restore",
     true,
     false,
     {kCompleted, kCompleted, kCompleted, kLost, kCompleted, kCompleted}},
    {"killed", false, true, {kMayBeForgotten, kCompleted, kCompleted, kLost, kStopped, kStopped}},
    {"stopped", false, false, {kCompleted, kCompleted, kCompleted, kLost, kStopped, kStopped}},
};

class EngineRestart : public ::testing::TestWithParam<Restart> {
 protected:
  EngineRestart() : rig_(options()) {}

  static House::Options options() {
    House::Options options;
    options.engine.live_restore = GetParam().live_restore;
    options.flags = {"--resync", "1s", "--lease", "15s", "--node-slots", "16", "--node-starts", "8"};
    return options;
  }

  void bring_to(const Place& place) {
    auto& house = rig_.house();
    house.agent("a" + std::to_string(ids_.size()), place.script);
    if (place.held) rig_.hold_at(*place.held);
    ids_.push_back(house.insert("a" + std::to_string(ids_.size()), R"({"n":1})"));
    if (place.held) {
      ASSERT_TRUE(wait_until([&] { return rig_.holding(); }, 30'000)) << place.name;
      rig_.keep_holding();
    } else {
      ASSERT_TRUE(house.wait_for(ids_.back(), "stage", "Running"));
    }
  }

  void restart_engine() {
    auto& engine = rig_.house().engine();
    GetParam().killed ? engine.kill() : engine.stop();
    rig_.cut_held();
    engine.start();
  }

  CrashRig rig_;
  std::vector<std::string> ids_;
};

TEST_P(EngineRestart, EveryStageComesToItsEnd) {
  auto& house = rig_.house();
  house.daemon().start();
  for (const auto& place : kPlaces) ASSERT_NO_FATAL_FAILURE(bring_to(place));
  restart_engine();
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    auto row = house.finished(ids_[i], 60'000);
    const auto starts = house.starts(ids_[i]);
    std::printf("%-22s %-28s %-9s %-14s %-8s starts %d\n", GetParam().name, kPlaces[i].name,
                row["status"].c_str(), row["reason"].c_str(), row["fault"].c_str(), starts);
    EXPECT_THAT(GetParam().expected[i], ::testing::Contains(row["reason"])) << kPlaces[i].name;
    EXPECT_EQ(row["attempt"], "1");
    EXPECT_LE(starts, 1) << kPlaces[i].name;
    EXPECT_EQ(row["reason"] == "Completed" ? starts : 1, 1) << kPlaces[i].name;
    if (row["reason"] == "Completed") EXPECT_EQ(row["output"], R"({"n":1})");
    const auto refunded = house.sql().value(
        "SELECT refunded_at IS NOT NULL FROM slipway.entitlement_spends WHERE execution_id = $1", {ids_[i]});
    EXPECT_EQ(refunded, row["fault"] == "Platform" ? "t" : "f") << kPlaces[i].name;
  }
  const auto starts = house.engine().ledger();
  EXPECT_EQ(std::set<std::string>(starts.begin(), starts.end()).size(), starts.size()) << "started twice";
  expect_new_work_succeeds(house);
}

INSTANTIATE_TEST_SUITE_P(All, EngineRestart, ::testing::ValuesIn(kRestarts), [](const auto& info) {
  return std::string(info.param.killed ? "Killed" : "Stopped") +
         (info.param.live_restore ? "LiveRestore" : "");
});

}  // namespace
}  // namespace slipway::test

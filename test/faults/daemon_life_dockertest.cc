// One daemon to a name and a state directory; leaving and coming back; being stopped past its lease; people
// who lay hands on our containers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "test/faults/containers.h"

namespace slipway::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTenSeconds =
    "echo up; i=0; while [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done; cp /input/input.json "
    "/output/result.json";
constexpr const char* kForever = "echo up; while :; do sleep 1; done";

/// Waits until it runs; the answer is the container's id.
std::string running(House& house, const std::string& id) {
  EXPECT_TRUE(house.wait_for(id, "stage", "Running", 30'000));
  return house.attempt(id)["container_id"];
}

TEST(DaemonLife, ASecondOneInTheSameStateDirectoryIsRefused) {
  House house;
  auto options = house.daemon().options();
  options.log_file = house.engine().dir() + "/second.log";
  SlipwaydProcess second(options);
  second.start(false);
  ASSERT_TRUE(second.wait_exit(10'000));
  EXPECT_EQ(second.exit_code(), 1);
  const auto line = "slipwayd: state_dir: another slipwayd (pid " + std::to_string(house.daemon().pid()) +
                    ") uses " + options.state_dir + "\n";
  EXPECT_EQ(second.log(), line);
  expect_new_work_succeeds(house);
}

TEST(DaemonLife, ASecondOneOfTheSameNameIsRefused) {
  House house;
  auto options = house.daemon().options();
  options.log_file = house.engine().dir() + "/second.log";
  options.state_dir = house.engine().dir() + "/second-state";
  options.more.insert(options.more.end(), {"--startup-timeout", "1s"});
  const auto epoch = house.sql().value("SELECT epoch FROM slipway.nodes WHERE name = 'n1'");
  SlipwaydProcess second(options);
  second.start(false);
  ASSERT_TRUE(second.wait_exit(15'000));
  EXPECT_EQ(second.exit_code(), 1);
  EXPECT_THAT(second.log(), HasSubstr("another process holds the name of node n1"));
  EXPECT_EQ(house.sql().value("SELECT epoch FROM slipway.nodes WHERE name = 'n1'"), epoch)
      << "the first was fenced";
  expect_new_work_succeeds(house);
}

TEST(DaemonLife, DetachedContainersRunOnAndAreAdopted) {
  House house;
  house.agent("long", kTenSeconds);
  const auto id = house.insert("long", R"({"n":1})");
  const auto container = running(house, id);
  ASSERT_TRUE(house.daemon().detach());
  EXPECT_EQ(house.daemon().exit_code(), 0);
  EXPECT_TRUE(runs(house.engine(), container));
  const auto meanwhile = house.insert("long");
  EXPECT_EQ(house.row(id)["stage"], "Running");
  house.daemon().start();
  auto row = house.finished(id);
  EXPECT_EQ(row["reason"], "Completed");
  EXPECT_EQ(row["output"], R"({"n":1})");
  EXPECT_EQ(row["attempt"], "1");
  EXPECT_EQ(house.attempt(id)["container_id"], container);
  EXPECT_EQ(house.finished(meanwhile)["reason"], "Completed");
  EXPECT_EQ(house.starts(id) + house.starts(meanwhile), 2);
  EXPECT_EQ(house.leftovers(), std::vector<std::string>{});
}

TEST(DaemonLife, StoppedPastItsLeaseItStartsNothingTwice) {
  House house(House::Options{.flags = {"--resync", "1s", "--lease", "2s"}});
  house.agent("long", kTenSeconds);
  house.agent("forever", kForever);
  const auto runs_on = house.insert("long");
  const auto overdue = house.insert("forever", "{}", {{"timeout_seconds", "4"}});
  running(house, runs_on);
  running(house, overdue);
  house.daemon().signal(SIGSTOP);
  const auto meanwhile = house.insert("long");
  // Well past the lease, and past the second one's deadline.
  EXPECT_TRUE(wait_until(
      [&] {
        return house.sql().value(
                   "SELECT now() > heartbeat_at + interval '4 s' AND now() > (SELECT deadline_at + interval "
                   "'2 s' FROM "
                   "slipway.executions WHERE id = $1) FROM slipway.nodes",
                   {overdue}) == "t";
      },
      30'000));
  house.daemon().signal(SIGCONT);
  EXPECT_EQ(house.finished(overdue)["reason"], "DeadlineExceeded");
  EXPECT_EQ(house.finished(runs_on)["reason"], "Completed");
  EXPECT_EQ(house.finished(meanwhile)["reason"], "Completed");
  for (const auto& id : {runs_on, overdue, meanwhile}) {
    EXPECT_EQ(house.row(id)["attempt"], "1");
    EXPECT_EQ(starts_by_attempt(house.engine(), id), (std::map<int, int>{{1, 1}}));
  }
  expect_new_work_succeeds(house);
}

TEST(DaemonLife, APersonStopsOrRemovesOurContainer) {
  House house;
  house.agent("forever", kForever);
  const auto stopped = house.insert("forever");
  const auto removed = house.insert("forever");
  house.engine().request("POST", "/containers/" + running(house, stopped) + "/stop?t=0");
  house.engine().request("DELETE", "/containers/" + running(house, removed) + "?force=1");
  auto row = house.finished(stopped);
  EXPECT_EQ(row["status"], "FAILED");
  EXPECT_EQ(row["reason"], "Interrupted");
  EXPECT_EQ(row["exit_code"], "137");
  row = house.finished(removed);
  EXPECT_EQ(row["status"], "FAILED");
  EXPECT_EQ(row["reason"], "ContainerLost");
  EXPECT_EQ(row["fault"], "Platform");
  EXPECT_EQ(
      house.sql().value("SELECT count(*) FROM slipway.entitlement_spends WHERE refunded_at IS NOT NULL"),
      "2");
  EXPECT_EQ(house.starts(stopped), 1);
  EXPECT_EQ(house.starts(removed), 1);
  expect_new_work_succeeds(house);
}

TEST(DaemonLife, APersonsOwnContainerIsNotTouched) {
  House house;
  const auto made = house.engine().request(
      "POST", "/containers/create?name=slipway-mine",
      R"({"Image":"agent:1","Cmd":["/bin/sleep","600"],"HostConfig":{"NetworkMode":"none"}})");
  ASSERT_EQ(made.status, 201) << made.body;
  house.engine().request("POST", "/containers/slipway-mine/start");
  house.daemon().kill9();
  house.daemon().start();
  house.agent("probe", "cp /input/input.json /output/result.json");
  EXPECT_EQ(house.finished(house.insert("probe"))["reason"], "Completed");
  EXPECT_TRUE(runs(house.engine(), "slipway-mine"));
  house.engine().request("DELETE", "/containers/slipway-mine?force=1");
  EXPECT_EQ(house.leftovers(), std::vector<std::string>{});
}

}  // namespace
}  // namespace slipway::test

#include <gtest/gtest.h>

#include <chrono>

#include "test/support/house/house.h"

// What becomes of executions that end otherwise than well: deadlines, cancels from every stage, failures,
// retries. Each test asserts the row, the ledgers and the world.
namespace slipway::test {
namespace {

/// One house for all: the tests differ in their rows only.
class Life : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    house_ = new House({.flags = {"--resync", "2s", "--node-slots", "4"}});
    house_->agent("echo", "cp /input/input.json /output/result.json");
    house_->agent(
        "sleeper",
        R"(trap 'echo leaving; exit 9' TERM; echo '{"half":1}' > /output/result.json; echo begun; while :; do sleep 0.1; done)");
    house_->agent("deaf", "trap '' TERM; echo begun; while :; do sleep 0.1; done",
                  R"({"terminationGracePeriod": "1s"})");
    house_->agent("frozen", "sh -c 'kill -STOP $$; echo never' & wait");
    house_->agent("exit3", R"(echo '{"half":1}' > /output/result.json; echo oops >&2; exit 3)");
    house_->agent("retried", "echo begun; while :; do sleep 0.1; done", R"({"retry": {"limit": 1}})");
  }
  static void TearDownTestSuite() {
    delete house_;
    house_ = nullptr;
  }
  void TearDown() override { EXPECT_EQ(house_->leftovers(), std::vector<std::string>{}); }

  bool running(const std::string& id) { return house_->wait_for(id, "status", "RUNNING"); }
  void cancel(const std::string& id) {
    house_->sql().query("UPDATE slipway.executions SET cancel_requested = true WHERE id = $1", {id});
  }
  /// "spent", "refunded" or "none"
  std::string use(const std::string& id) {
    const auto rows = house_->sql().query(
        "SELECT refunded_at IS NOT NULL FROM slipway.entitlement_spends WHERE execution_id = $1", {id});
    if (rows.empty()) return "none";
    EXPECT_EQ(rows.size(), 1U);
    return rows[0][0] == "t" ? "refunded" : "spent";
  }
  static std::string summary(House::Row& row) {
    return row["status"] + " " + row["reason"] + " " + row["fault"];
  }

  static House* house_;
};
House* Life::house_ = nullptr;

TEST_F(Life, DeadlineMeetsAWorkloadThatIgnoresTerm) {
  const auto id = house_->insert("deaf", "{}", {{"timeout_seconds", "2"}});
  auto row = house_->finished(id);
  EXPECT_EQ(summary(row), "TIMEOUT DeadlineExceeded Agent");
  EXPECT_EQ(row["exit_code"], "137");
  EXPECT_EQ(use(id), "spent");
  EXPECT_EQ(house_->starts(id), 1);
  EXPECT_EQ(house_->logs(id), "begun") << "logs are kept";
  const auto ran = std::stod(row["duration_ms"]);
  EXPECT_GE(ran, 2000);
  EXPECT_LE(ran, 2000 + 2000 + 1500) << "TERM at the deadline, KILL two seconds later";
}

TEST_F(Life, DeadlineMeetsAWorkloadThatStopsItself) {
  const auto id = house_->insert("frozen", "{}", {{"timeout_seconds", "1"}});
  auto row = house_->finished(id);
  EXPECT_EQ(summary(row), "TIMEOUT DeadlineExceeded Agent");
}

TEST_F(Life, TheDeadlineKeepsWhatThereIs) {
  const auto id = house_->insert("sleeper", "{}", {{"timeout_seconds", "1"}});
  auto row = house_->finished(id);
  EXPECT_EQ(summary(row), "TIMEOUT DeadlineExceeded Agent");
  EXPECT_EQ(row["output"], "");
  EXPECT_EQ(row["exit_code"], "9") << "it caught TERM: the code is a fact beside the verdict";
  EXPECT_EQ(house_->attempt(id)["partial"], "{\"half\":1}\n");
  EXPECT_EQ(house_->logs(id), "begun\nleaving");
}

TEST_F(Life, TheDeadlineOfARunningExecutionMoves) {
  const auto longer = house_->insert("sleeper", "{}", {{"timeout_seconds", "2"}});
  const auto shorter = house_->insert("sleeper", "{}", {{"timeout_seconds", "500"}});
  ASSERT_TRUE(running(longer) && running(shorter));
  house_->sql().query("UPDATE slipway.executions SET timeout_seconds = 4 WHERE id = $1", {longer});
  house_->sql().query("UPDATE slipway.executions SET timeout_seconds = 1 WHERE id = $1", {shorter});
  auto row = house_->finished(shorter, 8000);
  EXPECT_EQ(summary(row), "TIMEOUT DeadlineExceeded Agent");
  row = house_->finished(longer);
  EXPECT_EQ(summary(row), "TIMEOUT DeadlineExceeded Agent");
  EXPECT_GE(std::stod(row["duration_ms"]), 4000);
}

TEST_F(Life, CancelFromEveryStage) {
  const auto deferred = house_->insert("echo", "{}", {{"not_before", "now() + interval '1 hour'"}});
  ASSERT_TRUE(house_->wait_for(deferred, "stage", "Deferred"));
  cancel(deferred);
  auto row = house_->finished(deferred);
  EXPECT_EQ(summary(row), "FAILED Cancelled User");
  EXPECT_EQ(use(deferred), "none");

  const auto polite = house_->insert("sleeper");
  ASSERT_TRUE(running(polite));
  cancel(polite);
  row = house_->finished(polite);
  EXPECT_EQ(summary(row), "FAILED Cancelled User");
  EXPECT_EQ(use(polite), "spent") << "it had started";
  EXPECT_EQ(house_->logs(polite), "begun\nleaving");
  EXPECT_NE(house_->logs(polite, "system"), "") << "a cancel leaves a line of ours";
  EXPECT_EQ(house_->attempt(polite)["partial"], "{\"half\":1}\n");

  const auto deaf = house_->insert("deaf");
  ASSERT_TRUE(running(deaf));
  cancel(deaf);
  row = house_->finished(deaf);
  EXPECT_EQ(summary(row), "FAILED Cancelled User");
  EXPECT_EQ(row["exit_code"], "137") << "KILL after the agent's grace of one second";

  // Four slots taken: the fifth waits and is cancelled in the queue.
  std::vector<std::string> running_ids;
  for (int i = 0; i < 4; ++i) running_ids.push_back(house_->insert("sleeper"));
  for (const auto& id : running_ids) ASSERT_TRUE(running(id));
  const auto queued = house_->insert("sleeper");
  ASSERT_TRUE(house_->wait_for(queued, "stage", "Queued"));
  cancel(queued);
  row = house_->finished(queued);
  EXPECT_EQ(summary(row), "FAILED Cancelled User");
  EXPECT_EQ(use(queued), "none");
  for (const auto& id : running_ids) cancel(id);
  for (const auto& id : running_ids) house_->finished(id);

  const auto done = house_->insert("echo");
  house_->finished(done);
  EXPECT_ANY_THROW(cancel(done)) << "a final row takes labels and ttl only";
}

TEST_F(Life, ANonZeroExitKeepsResultAndLogs) {
  const auto id = house_->insert("exit3");
  auto row = house_->finished(id);
  EXPECT_EQ(summary(row), "FAILED NonZeroExit Agent");
  EXPECT_EQ(row["exit_code"], "3");
  EXPECT_EQ(row["output"], "");
  EXPECT_EQ(house_->attempt(id)["partial"], "{\"half\":1}\n");
  EXPECT_EQ(house_->logs(id, "stderr"), "oops");
  EXPECT_EQ(use(id), "spent");
}

TEST_F(Life, APlatformFaultIsRetriedAndRefundedWhenRetriesEnd) {
  const auto id = house_->insert("retried");
  for (int attempt = 1; attempt <= 2; ++attempt) {
    ASSERT_TRUE(house_->wait_for(id, "attempt", std::to_string(attempt)) && running(id)) << attempt;
    const auto container = house_->attempt(id, attempt)["container_id"];
    ASSERT_FALSE(container.empty());
    house_->engine().request("DELETE", "/containers/" + container + "?force=1");  // a person removes it
    ASSERT_TRUE(house_->wait_for(id, "status", attempt == 1 ? "PENDING" : "FAILED"));
  }
  auto row = house_->finished(id);
  EXPECT_EQ(summary(row), "FAILED ContainerLost Platform");
  EXPECT_EQ(row["attempt"], "2");
  EXPECT_EQ(use(id), "refunded");
  EXPECT_EQ(house_->starts(id, 1), 1);
  EXPECT_EQ(house_->starts(id, 2), 1);
  EXPECT_EQ(house_->attempt(id, 1)["reason"], "ContainerLost");
}

TEST_F(Life, UsageIsRecorded) {
  house_->agent("busy",
                "head -c 30000000 /dev/zero > /tmp/fill; i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; "
                "cp /input/input.json /output/result.json");
  const auto id = house_->insert("busy", "1");
  auto row = house_->finished(id);
  EXPECT_EQ(summary(row), "COMPLETED Completed None");
  EXPECT_GE(std::stoll(row["peak_memory_bytes"]), 30'000'000);
  EXPECT_GE(std::stoll(row["cpu_ms"]), 10);
  EXPECT_GT(std::stod(row["duration_ms"]), 0);
}

TEST_F(Life, UnknownAgentsAndNegativeTimeoutsAreRefusedWhereTheyBelong) {
  const auto id = house_->insert("nobody");
  auto row = house_->finished(id);
  EXPECT_EQ(summary(row), "FAILED AgentNotFound Policy");
  EXPECT_EQ(use(id), "none");
  EXPECT_ANY_THROW(house_->insert("echo", "{}", {{"timeout_seconds", "-1"}}));
}

TEST_F(Life, ADetachedDaemonAdoptsWhatRunsOn) {
  const auto id = house_->insert("sleeper");
  ASSERT_TRUE(running(id));
  ASSERT_TRUE(house_->daemon().detach());
  const auto container = house_->attempt(id)["container_id"];
  EXPECT_NE(
      house_->engine().request("GET", "/containers/" + container + "/json").body.find("\"Running\":true"),
      std::string::npos);
  house_->daemon().start();
  cancel(id);
  auto row = house_->finished(id);
  EXPECT_EQ(summary(row), "FAILED Cancelled User");
  EXPECT_EQ(house_->starts(id), 1);
}

}  // namespace
}  // namespace slipway::test

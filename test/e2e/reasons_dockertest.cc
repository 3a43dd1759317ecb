// Every end of the contract's table provoked for real: status, fault, the use and the price must be what the
// table says.

#include <gtest/gtest.h>

#include "api/reason.h"
#include "test/support/house/house.h"

namespace slipway::test {
namespace {

class Reasons : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    house_ = new House({.flags = {"--resync", "2s", "--node-slots", "4", "--policy-memory", "1Gi"}});
    house_->agent("echo", "cp /input/input.json /output/result.json", R"({"price": "0.05"})");
    house_->agent("sleeper", "trap 'exit 9' TERM; echo begun; while :; do sleep 0.1; done",
                  R"({"price": "0.05"})");
    entitlements_off();
  }
  static void TearDownTestSuite() {
    delete house_;
    house_ = nullptr;
  }

  /// From here on who submits must hold what it uses.
  static void entitlements_off() {
    house_->sql().exec("DROP TRIGGER aa_entitle_submitter ON slipway.executions");
  }
  static void grant(const std::string& user, const std::string& agent, const std::string& uses = "NULL",
                    const std::string& expires = "NULL") {
    house_->sql().exec("INSERT INTO slipway.entitlements (user_id, agent, uses, expires_at) VALUES ('" +
                       user + "', '" + agent + "', " + uses + ", " + expires + ")");
  }
  static void agent(const std::string& name, const std::string& script, const std::string& spec = "{}") {
    auto whole = nlohmann::json::parse(spec);
    whole["price"] = "0.05";
    house_->agent(name, script, whole.dump());
    grant("u-1", name);
  }
  static std::string submit(const std::string& agent_name, const std::string& input = "{}",
                            const std::map<std::string, std::string>& columns = {},
                            const std::string& user = "u-1") {
    std::string names = "user_id, agent, input", values = "$1, $2, $3::json";
    for (const auto& [name, literal] : columns) names += ", " + name, values += ", " + literal;
    return house_->sql().value(
        "INSERT INTO slipway.executions (" + names + ") VALUES (" + values + ") RETURNING id",
        {user, agent_name, input});
  }
  static std::string use_of(const std::string& id) {
    const auto rows = house_->sql().query(
        "SELECT refunded_at IS NOT NULL FROM slipway.entitlement_spends WHERE execution_id = $1", {id});
    return rows.empty() ? "none" : rows[0][0] == "t" ? "refunded" : "spent";
  }
  static std::string use_by_table(const ReasonRow& row, bool started) {
    switch (row.use) {
      case UseRule::None:
      case UseRule::NeverSpent:
        return "none";
      case UseRule::Spent:
        return "spent";
      case UseRule::Refunded:
        return "refunded";
      case UseRule::RefundedIfNeverStarted:
        return started ? "spent" : "refunded";
    }
    return "";
  }

  /// The end must be the table's row for this reason, in every column of it.
  void expect_end(const std::string& id, Reason reason, std::optional<std::string> use = {}) {
    auto row = house_->finished(id, 60'000);
    const auto& table = row_of(reason);
    SCOPED_TRACE(std::string(table.name) + ": " + row["message"] + " " + house_->attempt(id)["detail"]);
    EXPECT_EQ(row["reason"], table.name);
    EXPECT_EQ(row["status"], to_string(table.status));
    EXPECT_EQ(row["fault"], to_string(table.fault));
    EXPECT_EQ(use_of(id), use.value_or(use_by_table(table, !row["started_at"].empty())));
    EXPECT_EQ(house_->sql().value(
                  "SELECT CASE WHEN status = 'COMPLETED' THEN price ELSE 0 END FROM slipway.executions "
                  "WHERE id = $1",
                  {id}),
              table.priced ? "0.05" : "0");
  }

  static House* house_;
};
House* Reasons::house_ = nullptr;

TEST_F(Reasons, OfPolicy) {
  grant("u-late", "echo", "5", "now() - interval '1 hour'");
  grant("u-empty", "echo", "0");
  expect_end(submit("echo", "{}", {}, "u-poor"), Reason::EntitlementMissing);
  expect_end(submit("echo", "{}", {}, "u-late"), Reason::EntitlementExpired);
  expect_end(submit("echo", "{}", {}, "u-empty"), Reason::EntitlementExhausted);
  expect_end(submit("nobody"), Reason::AgentNotFound);
  agent("resting", "exit 0", R"({"suspend": true})");
  expect_end(submit("resting"), Reason::AgentSuspended);
  grant("u-slow", "echo");
  house_->sql().exec("INSERT INTO slipway.quotas (user_id, per_minute) VALUES ('u-slow', 0)");
  expect_end(submit("echo", "{}", {}, "u-slow"), Reason::RateLimited);
  grant("u-full", "echo");
  house_->sql().exec("INSERT INTO slipway.quotas (user_id, max_queued) VALUES ('u-full', 0)");
  expect_end(submit("echo", "{}", {}, "u-full"), Reason::QueueFull);
}

TEST_F(Reasons, OfTheUser) {
  agent(
      "typed", "cp /input/input.json /output/result.json",
      R"({"inputSchema": {"type": "object", "required": ["symbol"], "properties": {"symbol": {"type": "string"}}}})");
  const auto bad = submit("typed", R"({"symbol": 5})");
  expect_end(bad, Reason::InputInvalid);
  EXPECT_NE(house_->row(bad)["message"].find("/symbol"), std::string::npos) << house_->row(bad)["message"];
  expect_end(submit("typed", R"({"symbol": "A", "symbol": "B"})"), Reason::InputInvalid);
  expect_end(submit("echo", "{}", {{"start_deadline", "now() - interval '1 second'"}}),
             Reason::StartDeadlineExceeded);
  EXPECT_EQ(house_->sql().fails_with(
                "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u-1', 'echo', "
                "to_json(repeat('x', 1048576)))"),
            "23514")
      << "InputTooLarge is refused at the INSERT itself";
  grant("u-1", "sleeper");
  const auto deferred = submit("sleeper", "{}", {{"not_before", "now() + interval '1 hour'"}});
  ASSERT_TRUE(house_->wait_for(deferred, "stage", "Deferred"));
  const auto running = submit("sleeper");
  ASSERT_TRUE(house_->wait_for(running, "status", "RUNNING"));
  for (const auto& id : {deferred, running})
    house_->sql().query("UPDATE slipway.executions SET cancel_requested = true WHERE id = $1", {id});
  expect_end(deferred, Reason::Cancelled, "none");
  expect_end(running, Reason::Cancelled, "spent");
}

TEST_F(Reasons, OfTheAgent) {
  grant("u-1", "echo");
  expect_end(submit("echo"), Reason::Completed);
  agent("exit3", "exit 3");
  expect_end(submit("exit3"), Reason::NonZeroExit);
  agent("silent", "exit 0");
  expect_end(submit("silent"), Reason::OutputMissing);
  agent("broken", "echo '{' > /output/result.json");
  expect_end(submit("broken"), Reason::OutputInvalid);
  agent("promised", "echo '{\"signal\": 7}' > /output/result.json",
        R"({"outputSchema": {"properties": {"signal": {"enum": ["BUY", "SELL"]}}}})");
  const auto wrong = submit("promised");
  expect_end(wrong, Reason::OutputInvalid);
  EXPECT_NE(house_->row(wrong)["message"].find("/signal"), std::string::npos)
      << house_->row(wrong)["message"];
  EXPECT_EQ(house_->attempt(wrong)["partial"], "{\"signal\": 7}\n");
  // Longer than its file system: a hole costs no block.
  agent("big", "truncate -s 2M /output/result.json", R"({"resources": {"limits": {"output": "1Mi"}}})");
  expect_end(submit("big"), Reason::OutputTooLarge);
  agent("hungry", "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo $x",
        R"({"resources": {"limits": {"memory": "32Mi"}}})");
  expect_end(submit("hungry"), Reason::OOMKilled);
  agent("typo", "", R"({"command": ["/no/such/program"]})");
  expect_end(submit("typo"), Reason::CommandInvalid);
  agent("absent", "", R"({"image": "slipway.local/absent:1"})");
  expect_end(submit("absent"), Reason::ImageNotFound);
  grant("u-1", "sleeper");
  expect_end(submit("sleeper", "{}", {{"timeout_seconds", "1"}}), Reason::DeadlineExceeded);
}

TEST_F(Reasons, OfThePlatform) {
  grant("u-1", "sleeper");
  agent("unreachable", "", R"({"image": "127.0.0.1:1/x:1", "imagePullPolicy": "Always"})");
  expect_end(submit("unreachable"), Reason::ImagePullFailed);
  agent("glutton", "exit 0", R"({"resources": {"limits": {"memory": "2Gi"}}})");
  expect_end(submit("glutton"), Reason::NotEnforceable, "none");
  agent("elsewhere", "exit 0", R"({"runtimeClassName": "gvisor"})");
  expect_end(submit("elsewhere"), Reason::NotEnforceable, "refunded");
  const auto lost = submit("sleeper");
  ASSERT_TRUE(house_->wait_for(lost, "status", "RUNNING"));
  house_->engine().request("DELETE", "/containers/" + house_->row(lost)["container_id"] + "?force=1");
  expect_end(lost, Reason::ContainerLost);
  const auto stopped = submit("sleeper");
  ASSERT_TRUE(house_->wait_for(stopped, "status", "RUNNING"));
  house_->sql().exec("UPDATE slipway.nodes SET draining = true, cordoned = true");
  expect_end(stopped, Reason::NodeDraining);
  house_->sql().exec("UPDATE slipway.nodes SET draining = false, cordoned = false");
}

TEST_F(Reasons, WhileWaiting) {
  grant("u-one", "sleeper");
  house_->sql().exec("INSERT INTO slipway.quotas (user_id, max_running) VALUES ('u-one', 1)");
  const auto first = submit("sleeper", "{}", {}, "u-one");
  ASSERT_TRUE(house_->wait_for(first, "status", "RUNNING"));
  const auto second = submit("sleeper", "{}", {}, "u-one");
  EXPECT_TRUE(house_->wait_for(second, "reason", "Throttled"));
  grant("u-many", "sleeper");
  std::vector<std::string> all = {first, second};
  for (int i = 0; i < 4; ++i) all.push_back(submit("sleeper", "{}", {}, "u-many"));
  EXPECT_TRUE(house_->wait_for(all.back(), "reason", "NoCapacity"));
  // Refusals do not wait for a slot.
  std::vector<std::string> refused;
  for (int i = 0; i < 50; ++i) refused.push_back(submit("nobody"));
  for (const auto& id : refused) ASSERT_TRUE(house_->wait_for(id, "reason", "AgentNotFound"));
  EXPECT_EQ(
      house_->sql().value("SELECT count(*) FROM slipway.executions WHERE agent = 'nobody' AND finished_at - "
                          "created_at > interval '1 second'"),
      "0");
  for (const auto& id : all)
    house_->sql().query(
        "UPDATE slipway.executions SET cancel_requested = true WHERE id = $1 AND finished_at IS NULL", {id});
  for (const auto& id : all) EXPECT_EQ(house_->finished(id)["reason"], "Cancelled");
}

}  // namespace
}  // namespace slipway::test

// Every end of the contract's table provoked for real: status, fault, the use and the price must be what the
// table says.

#include <gtest/gtest.h>

#include <sys/mount.h>

#include <filesystem>
#include <fstream>

#include "api/reason.h"
#include "test/support/command/command.h"
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
  /// How often a loop of the daemon has turned.
  static double reconciles(const std::string& controller) {
    const auto page = house_->daemon().get("/metrics");
    double sum = 0;
    for (auto at = page.find("slipway_reconcile_total{controller=\"" + controller); at != std::string::npos;
         at = page.find("slipway_reconcile_total{controller=\"" + controller, at + 1))
      sum += std::strtod(page.c_str() + page.find("} ", at) + 2, nullptr);
    return sum;
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
    EXPECT_EQ(row["price"], table.priced ? "0.05" : "0");
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
  agent("cut", "yes '\"' | head -c 2000000 > /output/result.json; exit 0",
        R"({"resources": {"limits": {"output": "1Mi"}}})");
  expect_end(submit("cut"), Reason::OutputTooLarge);
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
  // Another one while that answer stands is told the same, and the two loops do not chase each other over it.
  expect_end(submit("unreachable"), Reason::ImagePullFailed);
  EXPECT_LT(reconciles("image"), 50);
  agent("glutton", "exit 0", R"({"resources": {"limits": {"memory": "2Gi"}}})");
  expect_end(submit("glutton"), Reason::NotEnforceable, "none");
  agent("elsewhere", "exit 0", R"({"runtimeClassName": "gvisor"})");
  expect_end(submit("elsewhere"), Reason::NotEnforceable, "refunded");
  // Somebody else's container has the name that the attempt's would have.
  const auto taken = house_->sql().value("SELECT slipway.uuid_v7()");
  const auto foreign = house_->engine().request("POST", "/containers/create?name=slipway-" + taken + "-1",
                                                R"({"Image": "agent:1", "Cmd": ["/bin/true"]})",
                                                {{"Content-Type", "application/json"}});
  ASSERT_EQ(foreign.status, 201) << foreign.body;
  expect_end(submit("sleeper", "{}", {{"id", "'" + taken + "'"}}), Reason::EngineError);
  EXPECT_EQ(house_->engine().request("DELETE", "/containers/slipway-" + taken + "-1").status, 204)
      << "what is another's is left alone";
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

/// Ends that need a house of their own.
House::Row end_of(House& house, const std::string& id, const ReasonRow& table) {
  auto row = house.finished(id, 60'000);
  EXPECT_EQ(row["reason"], table.name) << row["message"] << house.attempt(id)["detail"];
  EXPECT_EQ(row["status"], to_string(table.status));
  EXPECT_EQ(row["fault"], to_string(table.fault));
  EXPECT_EQ(
      house.sql().value(
          "SELECT refunded_at IS NOT NULL FROM slipway.entitlement_spends WHERE execution_id = $1", {id}),
      table.use == UseRule::Refunded ? "t" : "f");
  return row;
}

TEST(ReasonsOfANode, WithoutRoomForTheInput) {
  House house({.start = false});
  const std::filesystem::path state = house.daemon().options().state_dir;
  std::filesystem::create_directories(state);
  ASSERT_EQ(::mount("tmpfs", state.c_str(), "tmpfs", 0, "size=4m"), 0);
  house.daemon().start();
  house.agent("echo", "cp /input/input.json /output/result.json", R"({"price": "0.05"})");
  std::ofstream(state / "ballast") << std::string(3500 << 10, 'x');
  const auto id = house.insert("echo", "\"" + std::string(700 << 10, 'x') + "\"");
  end_of(house, id, row_of(Reason::NodeStorageFull));
  std::filesystem::remove(state / "ballast");
  const auto next = house.insert("echo", R"({"a": 1})");
  end_of(house, next, row_of(Reason::Completed));
  EXPECT_EQ(house.leftovers(), std::vector<std::string>{});
  house.daemon().kill9();
  ::umount2(state.c_str(), MNT_DETACH);
}

TEST(ReasonsOfANode, ThatDoesNotComeBack) {
  House house({.flags = {"--resync", "2s", "--lease", "3s"}});
  house.agent("sleeper", "while :; do sleep 0.1; done", R"({"price": "0.05"})");
  const auto id = house.insert("sleeper");
  ASSERT_TRUE(house.wait_for(id, "status", "RUNNING"));
  const auto force = [&] {
    return run({built("cmd/slipway/slipway"), "force-finish", id, "--reason", "its machine burnt down"},
               {{"SLIPWAY_DATABASE_URL", house.database_url()}});
  };
  EXPECT_EQ(force().exit_code, 1) << "refused while the node is alive";
  house.daemon().kill9();
  Ran forced;
  ASSERT_TRUE(wait_until([&] { return (forced = force()).exit_code == 0; }, 20'000)) << forced.err;
  EXPECT_EQ(house.row(id)["reason"], "NodeLost");
  // It was not lost after all: what it left is removed, and the end stands.
  house.daemon().start();
  end_of(house, id, row_of(Reason::NodeLost));
  EXPECT_TRUE(wait_until([&] { return house.leftovers().empty(); }, 20'000));
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
  // Decisions do not wait for a slot, neither refusals nor the others: from commit to the first event.
  std::vector<std::string> refused;
  for (int i = 0; i < 200; ++i) {
    refused.push_back(submit("nobody"));
    all.push_back(submit("sleeper", "{}", {}, "u-many"));
  }
  for (const auto& id : refused) ASSERT_TRUE(house_->wait_for(id, "reason", "AgentNotFound"));
  const auto undecided = "SELECT count(*) FROM slipway.executions WHERE stage = 'New'";
  ASSERT_TRUE(wait_until([&] { return house_->sql().value(undecided) == "0"; }, 20'000));
  const auto slowest = house_->sql().value(
      "SELECT round((extract(epoch FROM percentile_cont(0.99) WITHIN GROUP (ORDER BY v.at - e.created_at)) * "
      "1000)::numeric) "
      "FROM slipway.executions e, LATERAL (SELECT min(at) AS at FROM slipway.execution_events WHERE "
      "execution_id = e.id) v "
      "WHERE e.agent = 'nobody' OR e.user_id = 'u-many'");
  std::printf("first decision with all slots busy, 400 rows: p99 %s ms\n", slowest.c_str());
  EXPECT_LE(std::stoi(slowest), 1000);
  for (const auto& id : all)
    house_->sql().query(
        "UPDATE slipway.executions SET cancel_requested = true WHERE id = $1 AND finished_at IS NULL", {id});
  for (const auto& id : all) EXPECT_EQ(house_->finished(id)["reason"], "Cancelled");
}

}  // namespace
}  // namespace slipway::test

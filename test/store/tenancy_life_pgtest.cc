// The platform under its own locks: slipwayd as a mere member of slipway_controller, in a database owned by
// no superuser.
#include "store/postgres/statements.h"
#include "test/store/tenancy_rig.h"

namespace slipway::test {
namespace {

class TenancyLife : public TenancyRig {
 protected:
  ExecutionId submitted(const std::string& role, const std::string& user) {
    return as(role).value(
        "INSERT INTO slipway.executions (user_id, agent, input) VALUES ($1, 'echo', '{}') RETURNING id",
        {user});
  }
  Execution claimed_of(const ExecutionId& id) {
    admit(id);
    EXPECT_EQ(store::taken(run(store_->claim({id})).value()).size(), 1U);
    return load(id);
  }
  void fill() {
    superuser().exec(R"(SET session_replication_role = replica;
      INSERT INTO slipway.executions (user_id, agent, input, stage, status, reason, finished_at, node, claim_id, attempt)
        SELECT 'u-' || i % 100, 'echo', '{}', 'Cleaned', 'COMPLETED', 'Completed', now(), 'n1', gen_random_uuid(), 1
        FROM generate_series(1, 20000) i;
      INSERT INTO slipway.attempts (execution_id, attempt, node, epoch, claim_id)
        SELECT id, 1, 'n1', 1, claim_id FROM slipway.executions;
      INSERT INTO slipway.execution_log_chunks (execution_id, attempt, seq, at, stream, bytes)
        SELECT id, 1, 0, now(), 'stdout', 'a line' FROM slipway.executions;
      ANALYZE)");
  }
  std::string plan(const std::string& role, const std::string& sql) {
    std::string text;
    for (const auto& row : as(role).query("EXPLAIN " + sql)) text += *row[0] + "\n";
    return text;
  }
};

TEST_F(TenancyLife, AWholeLifeUnderTheRightsOfEachPart) {
  const auto id = submitted("shop", "u-1");
  const auto first = claimed_of(id);
  start(first);
  ASSERT_TRUE(run(store_->recycle(again(first, Stage::Running))).value());
  ASSERT_TRUE(run(store_->requeue(id, first.ref.claim, {})).value());
  ASSERT_TRUE(run_until([&] { return !run(store_->list_candidates(1)).value().empty(); }));
  ASSERT_EQ(store::taken(run(store_->claim({id})).value()).size(), 1U);
  const auto second = load(id);
  EXPECT_EQ(second.ref.attempt, 2);
  start(second);
  as("shop").query("UPDATE slipway.executions SET ttl_seconds_after_finished = 0 WHERE id = $1", {id});
  ASSERT_TRUE(run(store_->finish(end(second, Stage::Running, Reason::Completed))).value());
  EXPECT_EQ(as("shop").value("SELECT status || output FROM slipway.executions WHERE id = $1", {id}),
            "COMPLETED{\"ok\":true}");
  EXPECT_EQ(as("shop").value("SELECT count(*) FROM slipway.attempts WHERE execution_id = $1", {id}), "2");
  ASSERT_TRUE(run(store_->record(step(second, Stage::Finished, Stage::Cleaned))).value());
  EXPECT_EQ(run(store_->fold_outcomes(100)).value(), 1);
  EXPECT_EQ(as("board").value("SELECT total FROM slipway.agent_statistics WHERE agent = 'echo'"), "1");
  EXPECT_EQ(run(store_->retire(10)).value(), 1);
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.executions"), "0");
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.entitlement_spends"), "1");
}

TEST_F(TenancyLife, ABackendForAnyoneSubmitsForOneAtATime) {
  auto& backend = as("backend");
  backend.exec("BEGIN; SET LOCAL slipway.user_id = 'u-42'");
  const auto id = submitted("backend", "u-42");
  EXPECT_EQ(backend.value("SELECT count(*) FROM slipway.executions"), "1");
  backend.exec("COMMIT");
  submitted("backend", "u-43");
  EXPECT_EQ(backend.value("SELECT count(*) FROM slipway.executions"), "2");
  EXPECT_EQ(
      backend.value("UPDATE slipway.executions SET cancel_requested = true WHERE id = $1 RETURNING user_id",
                    {id}),
      "u-42");
}

TEST_F(TenancyLife, ARowHeldByItsSubmitterStallsNobodyElse) {
  const auto held = submitted("shop", "u-1");
  const auto held_running = claimed_of(submitted("shop", "u-1"));
  start(held_running);
  as("shop").exec("BEGIN; SELECT * FROM slipway.executions FOR UPDATE");
  std::vector<store::Decision> decisions;
  const auto other = submitted("rival", "u-2");
  for (const auto& id : {held, other})
    decisions.push_back({.id = id, .agent_revision = 1, .timeout_seconds = 60, .retry_limit = 2});
  EXPECT_EQ(std::ssize(run(store_->decide(decisions)).value()), 1) << "the free one, at once";
  EXPECT_EQ(store::taken(run(store_->claim({held, other})).value()), std::vector{other});
  const auto e = load(other);
  start(e);
  EXPECT_TRUE(run(store_->finish(end(e, Stage::Running, Reason::Completed))).value());
  EXPECT_EQ(as("rival").value("SELECT status FROM slipway.executions WHERE id = $1", {other}), "COMPLETED");
  as("shop").exec("ROLLBACK");
  EXPECT_TRUE(run(store_->finish(end(held_running, Stage::Running, Reason::Completed))).value());
}

TEST_F(TenancyLife, PoliciesLeaveNoTraceInTheControllersPlans) {
  fill();
  for (const auto* role : {"daemon", "steward", "landlord"}) {
    for (const auto* sql :
         {"SELECT id FROM slipway.executions WHERE live AND node = 'n1'",
          "UPDATE slipway.executions SET message = '' WHERE id = gen_random_uuid()",
          "SELECT * FROM slipway.execution_events WHERE execution_id = gen_random_uuid()"}) {
      const auto text = plan(role, sql);
      EXPECT_EQ(text.find("InitPlan"), std::string::npos) << role << "\n" << text;
      EXPECT_EQ(text.find("SubPlan"), std::string::npos) << role << "\n" << text;
      EXPECT_EQ(text, plan("postgres", sql)) << role << ": as one who passes by all policies";
    }
  }
}

TEST_F(TenancyLife, SubmittersAskOnceAStatementAndFindTheirRowsByIndex) {
  fill();
  const auto id = "'" + submitted("shop", "u-1") + "'";
  for (const auto* role : {"shop", "backend", "desk"}) {
    const auto by_id = plan(role, "SELECT * FROM slipway.executions WHERE id = " + id);
    EXPECT_NE(by_id.find("InitPlan"), std::string::npos) << by_id;
    EXPECT_NE(by_id.find("executions_pkey"), std::string::npos) << by_id;
    const auto by_name = plan(role, "SELECT * FROM slipway.executions WHERE user_id = 'u-1' AND name = 'x'");
    EXPECT_NE(by_name.find("name_is_unique_per_user"), std::string::npos) << by_name;
    const auto logs = plan(role, "SELECT line FROM slipway.execution_logs WHERE execution_id = " + id);
    EXPECT_NE(logs.find("execution_log_chunks_pkey"), std::string::npos) << logs;
    EXPECT_EQ(logs.find("Seq Scan on executions"), std::string::npos) << logs;
  }
}

TEST_F(TenancyLife, AManyRowedCopyGoesThroughSubmissions) {
  std::string rows;
  for (int i = 0; i < 5000; ++i) rows += "u-1\techo\t{\"n\":" + std::to_string(i) + "}\n";
  const auto rate = [&](Sql& session, const std::string& target) {
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(session.copy("COPY " + target + " (user_id, agent, input) FROM STDIN", rows), "");
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    return static_cast<int>(5000 / took.count());
  };
  const int table = rate(superuser(), "slipway.executions");
  const int view = rate(as("backend"), "slipway.submissions");
  std::cout << "rows a second: " << table << " by COPY into the table as superuser, " << view
            << " through submissions\n";
  EXPECT_EQ(sql_->value("SELECT count(DISTINCT input::text) FROM slipway.executions"), "5000");
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.executions WHERE stage = 'New'"), "10000");
}

}  // namespace
}  // namespace slipway::test

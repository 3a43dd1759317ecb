// The life of a row through every method of the port, and what each leaves in the tables.
#include "test/store/store_rig.h"

namespace slipway::test {
namespace {

using Lifecycle = StoreRig;

TEST_F(Lifecycle, ThreeColumnsMakeAnExecution) {
  const auto id = insert();
  const auto list = run(store_->list_undecided(10)).value();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].id, id);
  EXPECT_EQ(list[0].stage, Stage::New);
  EXPECT_EQ(list[0].agent_revision, 1);
  EXPECT_EQ(list[0].input, "{}");
  ASSERT_TRUE(list[0].spec);
  EXPECT_EQ(list[0].spec->image, "echo:1");
  EXPECT_EQ(sql_->value("SELECT message FROM slipway.executions"), row_of(Reason::Queued).message);
}

TEST_F(Lifecycle, TheWordsOfADecisionStandInTheRowAndItsEvent) {
  const auto id = insert();
  const std::string words = "Waiting for its turn; the timeout of 2h is above the agent's maxTimeout.";
  const store::Decision decision{.id = id, .message = words, .agent_revision = 1, .timeout_seconds = 120};
  ASSERT_EQ(run(store_->decide({decision})).value().size(), 1U);
  EXPECT_EQ(sql_->value("SELECT message FROM slipway.executions"), words);
  EXPECT_EQ(sql_->value("SELECT message FROM slipway.execution_events"), words);
  EXPECT_EQ(sql_->value("SELECT timeout_seconds FROM slipway.executions"), "120");
}

TEST_F(Lifecycle, AnUnknownAgentHasNoSpec) {
  insert("u-1", "nobody-knows");
  const auto list = run(store_->list_undecided(10)).value();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].agent_revision, 0);
  EXPECT_FALSE(list[0].spec);
}

TEST_F(Lifecycle, FromInsertToCleaned) {
  const auto e = claimed();
  EXPECT_EQ(e.stage, Stage::Claimed);
  EXPECT_EQ(e.owner, "n1");
  EXPECT_EQ(e.ref.attempt, 1);
  EXPECT_EQ(e.timeout, std::chrono::seconds(60));
  EXPECT_EQ(e.retry_limit, 2);
  EXPECT_EQ(run(store_->list_unconverged()).value(), std::vector{e.ref.execution});
  start(e);
  const auto running = load(e.ref.execution);
  EXPECT_EQ(running.stage, Stage::Running);
  EXPECT_EQ(running.status, Status::Running);
  EXPECT_EQ(running.engine, "1@2");

  auto done = end(e, Stage::Running, Reason::Completed);
  done.attempt.started = true;
  done.attempt.finished_at = *running.started_at + std::chrono::milliseconds(250);
  done.attempt.peak_memory_bytes = 12345678;
  done.attempt.cpu_ms = 42;
  done.attempt.logs = {{LogChunk::Stream::Stdout, now(), "one\ntwo\n"},
                       {LogChunk::Stream::Stderr, now(), std::string("\xff\0", 2)}};
  ASSERT_TRUE(run(store_->finish(done)).value());

  const auto row = sql_->query(
      R"(SELECT status, reason, fault, message, output, exit_code, duration_ms, peak_memory_bytes, cpu_ms,
    price, list_price, finished_at IS NOT NULL, conditions ?& array['Admitted', 'Started', 'Finished'] FROM slipway.executions)")
                       [0];
  const std::vector<std::optional<std::string>> expected{"COMPLETED",
                                                         "Completed",
                                                         "None",
                                                         std::string(row_of(Reason::Completed).message),
                                                         R"({"ok":true})",
                                                         "0",
                                                         "250",
                                                         "12345678",
                                                         "42",
                                                         "0.05",
                                                         "0.05",
                                                         "t",
                                                         "t"};
  EXPECT_EQ(row, expected);
  EXPECT_EQ(
      sql_->value("SELECT string_agg(stream || ':' || line, '|' ORDER BY seq) FROM slipway.execution_logs"),
      "stdout:one|stdout:two|stderr:\\377\\000");
  EXPECT_EQ(sql_->value("SELECT string_agg(stage, ' ' ORDER BY id) FROM slipway.execution_events"),
            "Queued Claimed Launching Running Finished");
  EXPECT_EQ(sql_->value("SELECT running FROM slipway.user_usage WHERE user_id = 'u-1'"), "0");
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.entitlement_spends WHERE settled_at IS NOT NULL AND "
                        "refunded_at IS NULL AND price = 0.05 AND list_price = 0.05"),
            "1");
  EXPECT_EQ(sql_->value("SELECT started AND ended_at IS NOT NULL AND hard_deadline_at > deadline_at AND "
                        "exit_code = 0 FROM slipway.attempts"),
            "t");

  EXPECT_EQ(run(store_->list_unconverged()).value().size(), 1U);
  EXPECT_TRUE(run(store_->record(step(e, Stage::Finished, Stage::Cleaned))).value());
  EXPECT_TRUE(run(store_->list_unconverged()).value().empty());
  EXPECT_EQ(sql_->value("SELECT status || reason FROM slipway.executions"), "COMPLETEDCompleted");
}

TEST_F(Lifecycle, TheInputComesBackByteForByte) {
  const std::string input = R"({"b": 1,  "a":"\u00e9", "big": 1e131071})";
  const auto id = sql_->value(
      "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u', 'echo', $1) RETURNING id",
      {input});
  EXPECT_EQ(run(store_->load_input(id)).value(), input);
  EXPECT_EQ(run(store_->load_input("00000000-0000-0000-0000-000000000000")).error().error_class,
            ErrorClass::NotFound);
  EXPECT_EQ(run(store_->load("00000000-0000-0000-0000-000000000000")).error().error_class,
            ErrorClass::NotFound);
  EXPECT_EQ(run(store_->load("not a uuid")).error().error_class, ErrorClass::Invalid);
}

TEST_F(Lifecycle, ARefusalEndsTheRowWithoutASpend) {
  const auto id = insert("u-1", "nobody-knows");
  ASSERT_EQ(
      std::ssize(
          run(store_->decide({{.id = id, .to = Stage::Finished, .reason = Reason::AgentNotFound}})).value()),
      1);
  EXPECT_EQ(sql_->value("SELECT status || ' ' || reason || ' ' || fault FROM slipway.executions"),
            "FAILED AgentNotFound Policy");
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.entitlement_spends"), "0");
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.outcomes"), "1");
  EXPECT_TRUE(run(store_->list_undecided(10)).value().empty());
  EXPECT_EQ(
      std::ssize(
          run(store_->decide({{.id = id, .to = Stage::Finished, .reason = Reason::AgentNotFound}})).value()),
      0);
}

TEST_F(Lifecycle, ADeferredRowIsUndecidedAgainWhenDue) {
  const auto id = sql_->value(
      "INSERT INTO slipway.executions (user_id, agent, input, not_before) VALUES ('u', 'echo', '{}', now() + "
      "interval '1 hour') RETURNING id");
  ASSERT_EQ(
      std::ssize(
          run(store_->decide({{.id = id, .to = Stage::Deferred, .agent_revision = 1, .timeout_seconds = 60}}))
              .value()),
      1);
  EXPECT_TRUE(run(store_->list_undecided(10)).value().empty());
  sql_->exec(
      "SET session_replication_role = replica; UPDATE slipway.executions SET not_before = now(), decide_at = "
      "now()");
  const auto due = run(store_->list_undecided(10)).value();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].stage, Stage::Deferred);
}

TEST_F(Lifecycle, CandidatesComeByPriorityThenAge) {
  const auto first = queued(), second = queued();
  sql_->exec("UPDATE slipway.executions SET priority = 5 WHERE id = '" + second + "'");
  const auto list = run(store_->list_candidates(10)).value();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0], second);
  EXPECT_EQ(list[1], first);
  EXPECT_EQ(run(store_->list_candidates(1)).value().size(), 1U);
}

TEST_F(Lifecycle, ARetryKeepsTheSpendAndGivesUpTheOwner) {
  const auto e = running();
  ASSERT_TRUE(run(store_->recycle(again(e, Stage::Running))).value());
  auto row = load(e.ref.execution);
  EXPECT_EQ(row.stage, Stage::Recycling);
  EXPECT_EQ(row.status, Status::Pending);
  ASSERT_TRUE(run(store_->requeue(e.ref.execution, e.ref.claim, std::chrono::hours(1))).value());
  row = load(e.ref.execution);
  EXPECT_EQ(row.stage, Stage::Queued);
  EXPECT_EQ(row.owner, "");
  EXPECT_FALSE(row.started_at || row.intent_at || row.verdict);
  EXPECT_TRUE(run(store_->list_candidates(10)).value().empty()) << "its backoff lies ahead";
  EXPECT_TRUE(store::taken(run(store_->claim({e.ref.execution})).value()).empty());
  sql_->exec("SET session_replication_role = replica; UPDATE slipway.executions SET not_before = now()");
  EXPECT_EQ(store::taken(run(store_->claim({e.ref.execution})).value()).size(), 1U);
  row = load(e.ref.execution);
  EXPECT_EQ(row.ref.attempt, 2);
  EXPECT_NE(row.ref.claim, e.ref.claim);
  EXPECT_EQ(sql_->value("SELECT count(*) || ' ' || count(settled_at) FROM slipway.entitlement_spends"),
            "1 0");
  EXPECT_EQ(sql_->value("SELECT running FROM slipway.user_usage"), "1");
  EXPECT_EQ(
      sql_->value("SELECT string_agg(coalesce(reason, '-'), ' ' ORDER BY attempt) FROM slipway.attempts"),
      "Interrupted -");
}

TEST_F(Lifecycle, LiveClaimsAreThoseARowStandsBehind) {
  const auto a = running(), b = running();
  const std::string stranger = "11111111-2222-4333-8444-555555555555";
  const auto live = run(store_->live_claims({a.ref.claim, b.ref.claim, stranger})).value();
  EXPECT_EQ(std::set(live.begin(), live.end()), (std::set{a.ref.claim, b.ref.claim}));
}

TEST_F(Lifecycle, RetireRemovesOnlyExpiredAndCleanedRows) {
  const auto old = running(), fresh = running();
  for (const auto& e : {old, fresh})
    ASSERT_TRUE(run(store_->finish(end(e, Stage::Running, Reason::Completed))).value());
  sql_->exec("UPDATE slipway.executions SET ttl_seconds_after_finished = 0 WHERE id = '" + old.ref.execution +
             "'");
  EXPECT_EQ(run(store_->retire(10)).value(), 0) << "its container may still be there";
  for (const auto& e : {old, fresh})
    ASSERT_TRUE(run(store_->record(step(e, Stage::Finished, Stage::Cleaned))).value());
  EXPECT_EQ(run(store_->retire(10)).value(), 1);
  EXPECT_EQ(sql_->value("SELECT id FROM slipway.executions"), fresh.ref.execution);
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.attempts"), "1");
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.entitlement_spends"), "2") << "ledgers stay";
}

TEST_F(Lifecycle, StatisticsAreTheSameBeforeAndAfterFolding) {
  for (int i = 1; i <= 20; ++i) {
    const auto e = running();
    auto done = end(e, Stage::Running, i == 20 ? Reason::NonZeroExit : Reason::Completed);
    done.attempt.finished_at = *e.started_at + std::chrono::milliseconds(100 * i);
    ASSERT_TRUE(run(store_->finish(done)).value());
  }
  const std::string question =
      "SELECT total, completed, failed, agent_faults, revenue, success_rate, p50_ms, p95_ms FROM "
      "slipway.agent_statistics";
  const auto before = sql_->query(question);
  EXPECT_EQ(run(store_->fold_outcomes(7)).value(), 7);
  EXPECT_EQ(sql_->query(question), before);
  EXPECT_EQ(run(store_->fold_outcomes(100)).value(), 13);
  EXPECT_EQ(run(store_->fold_outcomes(100)).value(), 0);
  EXPECT_EQ(sql_->query(question), before);
  EXPECT_EQ(before[0][0], "20");
  EXPECT_EQ(before[0][4], "0.95");
  EXPECT_NEAR(std::stod(*before[0][6]), 1000, 50);
  EXPECT_NEAR(std::stod(*before[0][7]), 1900, 95);
}

}  // namespace
}  // namespace slipway::test

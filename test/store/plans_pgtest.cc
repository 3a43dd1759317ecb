// Every statement of the hot path finds its rows by an index, in a table where nearly everything is finished,
// with the planner left as the server sets it (the daemon's own connections only narrow its choice further).
#include "store/postgres/statements.h"
#include "test/store/store_rig.h"

namespace slipway::test {
namespace {

namespace sql = store::postgres::sql;

class Plans : public StoreRig {
 protected:
  void populate(int finished) {
    Sql superuser(url_);
    superuser.exec("SET slipway.finished = " + std::to_string(finished) + R"(;
      SET session_replication_role = replica;
      INSERT INTO slipway.executions (user_id, agent, input, stage, status, reason, finished_at, expires_at, node, claim_id, attempt)
        SELECT 'u-' || i % 1000, 'echo', '{}', 'Cleaned', 'COMPLETED', 'Completed', now(), now() + interval '30 days', 'n1',
               gen_random_uuid(), 1
        FROM generate_series(1, current_setting('slipway.finished')::int) i;
      INSERT INTO slipway.user_usage (user_id, queued) VALUES ('u', 2000);
      INSERT INTO slipway.entitlements (user_id, agent) VALUES ('u', 'echo');
      INSERT INTO slipway.executions (user_id, agent, input, decide_at) SELECT 'u', 'echo', '{}', now() FROM generate_series(1, 500);
      INSERT INTO slipway.executions (user_id, agent, input, stage, queued) SELECT 'u', 'echo', '{}', 'Queued', true FROM generate_series(1, 2000);
      INSERT INTO slipway.executions (user_id, agent, input, stage, live, node, claim_id, attempt)
        SELECT 'u', 'echo', '{}', 'Claimed', true, 'n1', gen_random_uuid(), 1 FROM generate_series(1, 200);
      INSERT INTO slipway.attempts (execution_id, attempt, node, epoch, claim_id)
        SELECT id, 1, 'n1', 1, claim_id FROM slipway.executions WHERE attempt = 1;
      ANALYZE slipway.executions, slipway.attempts)");
  }

  std::string explain(const store::postgres::Statement& statement, const std::string& arguments,
                      const std::string& mode) {
    Sql session(url_);
    session.exec("SET plan_cache_mode = " + mode + "; SELECT slipway.act_as('n1', 1)");
    session.exec(std::string("PREPARE hot AS ") + statement.sql);
    std::string plan;
    for (const auto& row : session.query("EXPLAIN EXECUTE hot" + arguments)) plan += *row[0] + "\n";
    return plan;
  }

  void expect_indexed(const store::postgres::Statement& statement, const std::string& arguments,
                      const std::string& index) {
    for (const auto* mode : {"force_custom_plan", "force_generic_plan"}) {
      const auto plan = explain(statement, arguments, mode);
      EXPECT_NE(plan.find(index), std::string::npos) << statement.name << " " << mode << "\n" << plan;
      for (const auto* table : {"Seq Scan on executions", "Seq Scan on attempts"}) {
        EXPECT_EQ(plan.find(table), std::string::npos) << statement.name << " " << mode << "\n" << plan;
      }
    }
  }
};

TEST_F(Plans, HotStatementsUseTheirIndexes) {
  populate(100'000);
  const std::string id = sql_->value("SELECT id FROM slipway.executions WHERE live LIMIT 1");
  expect_indexed(sql::kListUndecided, "(100)", "executions_undecided");
  expect_indexed(sql::kListUnconverged, "('n1')", "executions_live");
  expect_indexed(sql::kLiveClaims, "('{" + id + "}')",
                 "using executions_");  // by claim, or all of the few live ones
  expect_indexed(sql::kLoad, "('{" + id + "}', 8192)", "executions_pkey");
  expect_indexed(sql::kRetire, "(100)", "executions_expiring");
}

// What stands in functions is not shown by EXPLAIN: the server's own count of rows read from front to back
// is.
class Touched : public Plans {
 protected:
  /// Runs on connections of its own, whose counts are flushed when they end.
  template <class Work>
  void expect_no_sequential_scan(const char* what, Work work) {
    store_.reset();
    const auto before = read_in_sequence();
    store_ = open();
    register_as(*store_, "n1");
    work();
    store_.reset();
    EXPECT_EQ(read_in_sequence(), before) << what;
  }

 private:
  /// A session's counts are told when it ends, which it does in its own time.
  std::string read_in_sequence() {
    sql_->exec("SELECT pg_stat_force_next_flush()");
    EXPECT_TRUE(run_until([&] {
      return sql_->value(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                 "AND backend_type = 'client backend' AND pid <> pg_backend_pid()") == "0";
    })) << "a session of what was done before is still there";
    return sql_->value(
        "SELECT string_agg(relname || ' ' || seq_tup_read, ', ' ORDER BY relname) FROM pg_stat_user_tables "
        "WHERE relid IN ('slipway.executions'::regclass, 'slipway.attempts'::regclass, "
        "'slipway.entitlement_spends'::regclass, 'slipway.execution_log_chunks'::regclass)");
  }
};

TEST_F(Touched, AClaimReadsOnlyTheRowsItIsAskedFor) {
  populate(10'000);
  std::vector<ExecutionId> wanted;
  for (const auto& row : sql_->query("SELECT id FROM slipway.executions WHERE queued LIMIT 100"))
    wanted.push_back(*row[0]);
  expect_no_sequential_scan(
      "claim", [&] { EXPECT_EQ(store::taken(run(store_->claim(wanted)).value()).size(), 100U); });
}

TEST_F(Touched, EveryStepReadsOnlyItsRows) {
  populate(10'000);
  expect_no_sequential_scan("a life with two attempts", [&] {
    auto e = running();
    ASSERT_TRUE(run(store_->recycle(again(e, Stage::Running))).value());
    ASSERT_TRUE(run(store_->requeue(e.ref.execution, e.ref.claim, Duration{0})).value());
    ASSERT_EQ(store::taken(run(store_->claim({e.ref.execution})).value()).size(), 1U);
    e = load(e.ref.execution);
    start(e);
    auto finish = end(e, Stage::Running, Reason::Completed);
    finish.attempt.logs.push_back({.stream = LogChunk::Stream::Stdout, .at = now(), .bytes = "done\n"});
    ASSERT_TRUE(run(store_->finish(finish)).value());
    ASSERT_TRUE(run(store_->record(step(e, Stage::Finished, Stage::Cleaned, Reason::Completed))).value());
  });
}

TEST_F(Touched, MetricsAndAnIdleNodeReadOnlyWhatIsUnfinished) {
  populate(10'000);
  expect_no_sequential_scan("read_totals", [&] {
    const auto totals = run(store_->read_totals(std::chrono::seconds(60))).value();
    EXPECT_EQ(totals.unfinished.size(), 1U);
    EXPECT_EQ(totals.unfinished.front().executions, 2700);
  });
  expect_no_sequential_scan("look_ahead", [&] { EXPECT_TRUE(run(store_->look_ahead()).value().waiting); });
}

// The steps within an attempt change no indexed column, so that they are HOT: no index grows with them.
TEST_F(Plans, StepsWithinAnAttemptAreHot) {
  const auto e = claimed();
  start(e);
  store_.reset();
  ASSERT_TRUE(run_until([&] {
    return sql_->value(
               "SELECT n_tup_hot_upd >= 2 FROM pg_stat_user_tables WHERE relid = "
               "'slipway.executions'::regclass") == "t";
  }));
}

}  // namespace
}  // namespace slipway::test

// One row that cannot be read, among others: it is told apart and ends by its own, the others go on.
#include "admission/first_decision.h"
#include "test/store/store_rig.h"

namespace slipway::test {
namespace {

const char* const kUncounted[] = {
    "infinity", "-infinity", "294276-12-31", "10000-01-01", "1969-12-31 23:59:59Z", "4713-01-01 BC"};

class BadRows : public StoreRig {
 protected:
  ExecutionId insert_with(const std::string& column, const std::string& value) {
    return sql_->value("INSERT INTO slipway.executions (user_id, agent, input, " + column +
                           ") VALUES ('u-1', 'echo', '{}', $1) RETURNING id",
                       {value});
  }
  /// All that wait are judged by the rules and written.
  void decide_all() {
    const auto rows = run(store_->list_undecided(100));
    ASSERT_TRUE(rows.has_value()) << rows.error().message;
    std::vector<store::Decision> decisions;
    for (const auto& row : *rows) decisions.push_back(admission::decide_first(row, {}, {}, now()));
    const auto steps = run(store_->decide(decisions));
    ASSERT_TRUE(steps.has_value()) << steps.error().message;
    EXPECT_EQ(steps->size(), rows->size());
  }
  std::string stage(const ExecutionId& id) {
    return sql_->value("SELECT stage FROM slipway.executions WHERE id = $1", {id});
  }
  /// A sector gone bad under a stored input.
  void spoil_input(const ExecutionId& id) {
    sql_->exec("CREATE EXTENSION IF NOT EXISTS pg_surgery");
    const auto toast = sql_->value(
        "SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'slipway.executions'::regclass");
    const auto chunks = sql_->value("SELECT array_agg(ctid) FROM " + toast);
    ASSERT_FALSE(chunks.empty()) << id;
    sql_->query("SELECT heap_force_kill('" + toast + "'::regclass, $1::tid[])", {chunks});
    ASSERT_EQ(sql_->fails_with("SELECT length(input::text) FROM slipway.executions WHERE id = $1", {id}),
              "XX001");
  }
  ExecutionId insert_large() {
    return sql_->value(
        "INSERT INTO slipway.executions (user_id, agent, input) SELECT 'u-1', 'echo', "
        "to_json(string_agg(md5(i::text), '')) FROM "
        "generate_series(1, 200) i RETURNING id");
  }
};

TEST_F(BadRows, ATimeThatNobodyCanCountIsRefusedByTheTable) {
  for (const auto* value : kUncounted) {
    for (const auto* column : {"not_before", "start_deadline"}) {
      EXPECT_EQ(sql_->fails_with(std::string("INSERT INTO slipway.executions (user_id, agent, input, ") +
                                     column + ") VALUES ('u-1', 'echo', '{}', $1)",
                                 {value}),
                "23514")
          << column << " " << value;
    }
    EXPECT_EQ(sql_->fails_with(
                  "INSERT INTO slipway.entitlements (user_id, agent, expires_at) VALUES ('u-1', 'echo', $1)",
                  {value}),
              "23514")
        << value;
    EXPECT_EQ(sql_->fails_with("INSERT INTO slipway.api_tokens (id, sha256, role, expires_at) VALUES ('t', "
                               "sha256('t'), 'admin', $1)",
                               {value}),
              "23514")
        << value;
  }
  EXPECT_NE(insert_with("start_deadline", "9999-12-31 23:59:59Z"), "");
}

TEST_F(BadRows, AnyTimeThatAColumnCanHoldIsRead) {
  sql_->exec("ALTER TABLE slipway.executions DROP CONSTRAINT times_from_1970_to_9999");
  std::vector<ExecutionId> bad;
  for (const auto* value : kUncounted) {
    bad.push_back(insert_with("start_deadline", value));
    bad.push_back(insert_with("not_before", value));
  }
  const auto good = insert();
  decide_all();
  EXPECT_EQ(stage(good), "Queued");
  for (const auto& id : bad) {
    EXPECT_NE(stage(id), "New");
    EXPECT_TRUE(run(store_->load(id)).has_value());
  }
  EXPECT_TRUE(run(store_->look_ahead()).has_value());
  ASSERT_TRUE(run(store_->read_totals(std::chrono::seconds(1))).has_value());
  const auto candidates = run(store_->list_candidates(10));
  ASSERT_TRUE(candidates.has_value());
  EXPECT_EQ(store::taken(run(store_->claim(*candidates)).value()).size(), candidates->size());
}

TEST_F(BadRows, OneThatTheDatabaseCannotGiveEndsAndTheOthersGoOn) {
  const auto bad = insert_large();
  spoil_input(bad);
  const auto good = insert();
  decide_all();
  EXPECT_EQ(stage(good), "Queued");
  EXPECT_EQ(stage(bad), "Finished");
  EXPECT_EQ(sql_->value("SELECT fault FROM slipway.executions WHERE id = $1", {bad}), "Platform");
}

TEST_F(BadRows, OneOfABatchOfLoadsIsAnErrorOfItsOwn) {
  const auto good = claimed().ref.execution;
  const auto bad = claimed("u-2").ref.execution;
  sql_->exec(
      "ALTER DOMAIN slipway.stage DROP CONSTRAINT stage_check; SET session_replication_role = replica");
  sql_->query("UPDATE slipway.executions SET stage = 'Hibernating' WHERE id = $1", {bad});
  std::optional<Result<Execution>> first, second;
  asio::co_spawn(io_, store_->load(good),
                 [&](const std::exception_ptr&, Result<Execution> row) { first = std::move(row); });
  asio::co_spawn(io_, store_->load(bad),
                 [&](const std::exception_ptr&, Result<Execution> row) { second = std::move(row); });
  ASSERT_TRUE(run_until([&] { return first && second; }));
  EXPECT_TRUE(first->has_value());
  ASSERT_FALSE(second->has_value());
  EXPECT_EQ(second->error().error_class, ErrorClass::Invalid);
}

TEST_F(BadRows, AClaimedOneWithoutItsInputIsStillLoaded) {
  const auto bad = insert_large();
  admit(bad);
  ASSERT_EQ(store::taken(run(store_->claim({bad})).value()).size(), 1U);
  spoil_input(bad);
  const auto good = claimed("u-2").ref.execution;
  EXPECT_TRUE(run(store_->load(good)).has_value());
  const auto row = run(store_->load(bad));
  ASSERT_TRUE(row.has_value()) << row.error().message;
  EXPECT_FALSE(row->input);
  const auto input = run(store_->load_input(bad));
  ASSERT_FALSE(input.has_value());
  EXPECT_EQ(input.error().error_class, ErrorClass::Invalid);
}

// A newer binary has written it, and its container runs.
TEST_F(BadRows, ARevisionWithAnUnknownFieldIsReadAsFarAsItIsKnown) {
  const auto e = running();
  sql_->exec(R"(INSERT INTO slipway.agent_revisions (agent, revision, spec) VALUES ('echo', 7,
    '{"image": "echo:2", "gpu": 1, "timeout": "1m", "terminationGracePeriod": "7s", "maxTimeout": {"soft": "1m"}}');
    SET session_replication_role = replica; UPDATE slipway.executions SET agent_revision = 7)");
  const auto row = load(e.ref.execution);
  ASSERT_TRUE(row.spec);
  EXPECT_FALSE(row.spec_whole);
  EXPECT_EQ(row.spec->image, "echo:2");
  EXPECT_EQ(row.spec->termination_grace_period, std::chrono::seconds(7));
  EXPECT_EQ(row.timeout, std::chrono::seconds(60)) << "as it was granted";
  EXPECT_EQ(std::min(row.timeout, row.spec->max_timeout), std::chrono::seconds(60));
  sql_->exec("SET session_replication_role = replica; UPDATE slipway.executions SET agent_revision = 8");
  EXPECT_EQ(run(store_->load(e.ref.execution)).error().error_class, ErrorClass::Invalid)
      << "no such revision";
}

}  // namespace
}  // namespace slipway::test

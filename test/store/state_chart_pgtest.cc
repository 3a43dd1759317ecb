// What the database itself refuses, whoever asks: the state chart, forged columns, changes to what is final.
#include "test/store/store_rig.h"

namespace slipway::test {
namespace {

const std::set<std::pair<Stage, Stage>> kChart = {
    {Stage::New, Stage::Deferred},        {Stage::New, Stage::Queued},
    {Stage::New, Stage::Finished},        {Stage::Deferred, Stage::Queued},
    {Stage::Deferred, Stage::Finished},   {Stage::Queued, Stage::Claimed},
    {Stage::Queued, Stage::Finished},     {Stage::Claimed, Stage::Launching},
    {Stage::Claimed, Stage::Recycling},   {Stage::Claimed, Stage::Finished},
    {Stage::Launching, Stage::Running},   {Stage::Launching, Stage::Claimed},
    {Stage::Launching, Stage::Recycling}, {Stage::Launching, Stage::Finished},
    {Stage::Running, Stage::Stopping},    {Stage::Running, Stage::Recycling},
    {Stage::Running, Stage::Finished},    {Stage::Stopping, Stage::Recycling},
    {Stage::Stopping, Stage::Finished},   {Stage::Recycling, Stage::Queued},
    {Stage::Recycling, Stage::Finished},  {Stage::Finished, Stage::Cleaned},
};

class StateChart : public StoreRig {
 protected:
  // A row at any stage, laid down beside the triggers (but not beside the CHECKs).
  ExecutionId lay(Stage stage) {
    const bool final = stage == Stage::Finished || stage == Stage::Cleaned;
    const bool owned = !final && stage != Stage::New && stage != Stage::Deferred && stage != Stage::Queued;
    const std::string status = final ? "FAILED" : std::string(to_string(status_while(stage)));
    Sql superuser(url_);
    superuser.exec("SET session_replication_role = replica");
    return superuser.value(
        "INSERT INTO slipway.executions (user_id, agent, input, stage, status, reason, node, claim_id, "
        "attempt, intent_at, verdict, "
        "finished_at) VALUES ('u', 'echo', '{}', $1, $2, $3, $4, gen_random_uuid(), 1, now(), 'Cancel', $5) "
        "RETURNING id",
        {std::string(to_string(stage)), status, final ? "NonZeroExit" : "Starting",
         owned ? std::optional<std::string>("n1") : std::nullopt,
         final ? std::optional<std::string>("now") : std::nullopt});
  }

  // Everything the CHECKs ask of the stage is set along, so that a refusal is the chart's own.
  std::string move(const ExecutionId& id, Stage from, Stage to) {
    const bool final = to == Stage::Finished || to == Stage::Cleaned;
    const bool was_final = from == Stage::Finished || from == Stage::Cleaned;
    const bool claim = from == Stage::Queued && to == Stage::Claimed;
    std::string set = "stage = '" + std::string(to_string(to)) + "'";
    if (!was_final) {
      set += final ? ", status = 'FAILED', reason = 'NonZeroExit', finished_at = now()"
                   : ", status = '" + std::string(to_string(status_while(to))) +
                         "', node = 'n1', started_at = now()";
    }
    if (claim) set += ", attempt = attempt + 1";
    Sql controller(url_);
    controller.exec("BEGIN; SELECT slipway.act_as('n1', 1)");
    const auto failure =
        controller.fails_with("UPDATE slipway.executions SET " + set + " WHERE id = '" + id + "'");
    if (failure.empty()) controller.exec("COMMIT");
    return failure;
  }
};

TEST_F(StateChart, EveryPairOfStagesIsAllowedOrRefusedAsDrawn) {
  int allowed = 0, refused = 0;
  for (const auto from : kStages) {
    for (const auto to : kStages) {
      if (from == to) continue;
      const auto id = lay(from);
      const auto failure = move(id, from, to);
      const bool drawn = kChart.contains({from, to});
      EXPECT_EQ(failure.empty(), drawn) << to_string(from) << " -> " << to_string(to) << " " << failure;
      EXPECT_EQ(load(id).stage, drawn ? to : from);
      ++(drawn ? allowed : refused);
    }
  }
  std::cout << allowed << " pairs allowed, " << refused << " refused\n";
  EXPECT_EQ(allowed + refused, 90);
}

TEST_F(StateChart, WordsAreThoseOfTheVocabulary) {
  const auto same = [&](const std::string& domain, std::vector<std::string> words) {
    for (const auto& word : words)
      EXPECT_EQ(sql_->fails_with("SELECT '" + word + "'::slipway." + domain), "") << word;
    // …and no others: the constraint holds as many quoted words as there are.
    EXPECT_EQ(sql_->value("SELECT count(*) FROM pg_constraint c, regexp_matches(pg_get_constraintdef(c.oid), "
                          "'''[A-Za-z]+''', 'g') "
                          "WHERE c.contypid = 'slipway." +
                          domain + "'::regtype"),
              std::to_string(words.size()));
  };
  std::vector<std::string> reasons, stages, statuses;
  for (int i = 0; i <= static_cast<int>(Reason::NotEnforceable); ++i)
    reasons.emplace_back(to_string(static_cast<Reason>(i)));
  for (const auto stage : kStages) stages.emplace_back(to_string(stage));
  same("reason", reasons);
  same("stage", stages);
  same("status", {"PENDING", "RUNNING", "COMPLETED", "FAILED", "TIMEOUT"});
  same("fault", {"None", "Agent", "User", "Platform", "Policy"});
  same("verdict", {"Deadline", "Cancel", "Drain"});
}

const std::vector<std::pair<std::string, std::string>> kForgeries = {{"status", "'COMPLETED'"},
                                                                     {"input_bytes", "7"},
                                                                     {"reason", "'Completed'"},
                                                                     {"message", "'hello'"},
                                                                     {"fault", "'Platform'"},
                                                                     {"conditions", "'{\"Admitted\": 1}'"},
                                                                     {"output", "'{}'"},
                                                                     {"exit_code", "0"},
                                                                     {"created_at", "'2020-01-01'"},
                                                                     {"started_at", "now()"},
                                                                     {"finished_at", "now()"},
                                                                     {"duration_ms", "1"},
                                                                     {"peak_memory_bytes", "1"},
                                                                     {"cpu_ms", "1"},
                                                                     {"agent_revision", "1"},
                                                                     {"image_digest", "'sha256:0'"},
                                                                     {"list_price", "0"},
                                                                     {"price", "0"},
                                                                     {"logs_truncated", "true"},
                                                                     {"stage", "'Queued'"},
                                                                     {"node", "'n1'"},
                                                                     {"epoch", "1"},
                                                                     {"attempt", "1"},
                                                                     {"claim_id", "gen_random_uuid()"},
                                                                     {"verdict", "'Cancel'"},
                                                                     {"engine", "'1@1'"},
                                                                     {"container_id", "'c'"},
                                                                     {"intent_at", "now()"},
                                                                     {"deadline_at", "now()"},
                                                                     {"kill_at", "now()"},
                                                                     {"create_failures", "1"},
                                                                     {"queued", "true"},
                                                                     {"live", "true"},
                                                                     {"decide_at", "'2020-01-01'"},
                                                                     {"expires_at", "now()"}};

TEST_F(StateChart, ForgedColumnsAreRefusedOnInsertAndUpdateEvenForTheOwner) {
  const auto id = insert();
  for (const auto& [column, value] : kForgeries) {
    EXPECT_EQ(sql_->fails_with("INSERT INTO slipway.executions (user_id, agent, input, " + column +
                               ") VALUES ('u', 'echo', '{}', " + value + ")"),
              "42501")
        << column;
    EXPECT_EQ(sql_->fails_with("UPDATE slipway.executions SET " + column + " = " + value + " WHERE id = '" +
                               id + "'"),
              "42501")
        << column;
  }
  // No column of the table is missing from the list above or from the submitter's own.
  const std::set<std::string> own = {"id",
                                     "name",
                                     "user_id",
                                     "agent",
                                     "entitlement_id",
                                     "input",
                                     "priority",
                                     "timeout_seconds",
                                     "not_before",
                                     "start_deadline",
                                     "retry_limit",
                                     "ttl_seconds_after_finished",
                                     "labels",
                                     "traceparent",
                                     "cancel_requested"};
  for (const auto& row : sql_->query("SELECT attname FROM pg_attribute WHERE attrelid = "
                                     "'slipway.executions'::regclass AND attnum > 0")) {
    EXPECT_TRUE(own.contains(*row[0]) ||
                std::ranges::any_of(kForgeries, [&](const auto& f) { return f.first == *row[0]; }))
        << *row[0];
  }
}

TEST_F(StateChart, ASettingAloneMakesNobodyAController) {
  const auto id = insert();
  sql_->exec("DROP ROLE IF EXISTS a_service; CREATE ROLE a_service IN ROLE slipway_submitter");
  sql_->exec("INSERT INTO slipway.submitter_users VALUES ('a_service', '*')");
  sql_->exec("SET SESSION AUTHORIZATION a_service; SET slipway.controller = 'on'");
  EXPECT_EQ(sql_->fails_with("UPDATE slipway.executions SET stage = 'Queued' WHERE id = '" + id + "'"),
            "42501");
  EXPECT_EQ(sql_->fails_with("SELECT slipway.act_as('n1', 1)"), "42501");
  EXPECT_EQ(sql_->fails_with("UPDATE slipway.executions SET cancel_requested = true WHERE id = '" + id + "'"),
            "");
  EXPECT_EQ(
      sql_->fails_with(
          "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u', 'echo', '{}') RETURNING *"),
      "");
  EXPECT_EQ(sql_->fails_with("DELETE FROM slipway.executions"), "42501");
}

TEST_F(StateChart, MappersMaySayNullOrDefaultForEveryColumn) {
  EXPECT_EQ(sql_->fails_with("INSERT INTO slipway.executions (id, user_id, agent, input, priority, labels, "
                             "cancel_requested, status, reason, message, "
                             "fault, conditions, output, created_at, stage, attempt, queued, "
                             "live, decide_at, logs_truncated, create_failures) "
                             "VALUES (NULL, 'u', 'echo', '{}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, "
                             "NULL, NULL, NULL, NULL, NULL, NULL, "
                             "NULL, NULL, NULL, NULL) RETURNING *"),
            "");
  EXPECT_EQ(sql_->fails_with(
                "INSERT INTO slipway.executions (id, user_id, agent, input, status, stage, created_at) "
                "VALUES (DEFAULT, 'u', 'echo', '{}', 'PENDING', 'New', DEFAULT)"),
            "");
}

TEST_F(StateChart, ValuesOutOfRangeAreRefused) {
  const auto insert_with = [&](const std::string& column, const std::string& value) {
    return sql_->fails_with("INSERT INTO slipway.executions (user_id, agent, input, " + column +
                            ") VALUES ('u', 'echo', '{}', " + value + ")");
  };
  EXPECT_EQ(insert_with("timeout_seconds", "-1"), "23514");
  EXPECT_EQ(insert_with("timeout_seconds", "0"), "23514");
  EXPECT_EQ(insert_with("priority", "101"), "23514");
  EXPECT_EQ(insert_with("retry_limit", "-1"), "23514");
  EXPECT_EQ(insert_with("labels", "'[]'"), "23514");
  EXPECT_EQ(insert_with("name", "'No Such Name'"), "23514");
  EXPECT_EQ(
      sql_->fails_with("INSERT INTO slipway.executions (user_id, agent, input) VALUES ('*', 'echo', '{}')"),
      "23514");
  EXPECT_EQ(sql_->fails_with(
                "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u', 'echo', 'no json')"),
            "22P02");
  const auto sized = [&](int bytes) {
    return sql_->fails_with(
        "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u', 'echo', (to_json(repeat('x', $1 "
        "- 2))))",
        {std::to_string(bytes)});
  };
  EXPECT_EQ(sized(1048576), "");
  EXPECT_EQ(sized(1048577), "23514");
}

TEST_F(StateChart, ANameIsUniquePerUser) {
  const auto named = [&](const std::string& user) {
    return sql_->fails_with(
        "INSERT INTO slipway.executions (user_id, agent, input, name) VALUES ($1, 'echo', '{}', 'morning')",
        {user});
  };
  EXPECT_EQ(named("u-1"), "");
  EXPECT_EQ(named("u-1"), "23505");
  EXPECT_EQ(named("u-2"), "");
}

TEST_F(StateChart, SubmittersChangeFiveColumnsAndNoOther) {
  const auto id = insert();
  const auto change = [&](const std::string& set) {
    return sql_->fails_with("UPDATE slipway.executions SET " + set + " WHERE id = '" + id + "'");
  };
  for (const auto* set :
       {"priority = 1", "timeout_seconds = 5", "labels = '{\"a\": \"b\"}'", "ttl_seconds_after_finished = 5",
        "cancel_requested = true", "user_id = user_id, input = input, agent = agent"}) {
    EXPECT_EQ(change(set), "") << set;
  }
  for (const auto* set : {"cancel_requested = false", "user_id = 'other'", "agent = 'other'", "input = '[]'",
                          "name = 'x'", "retry_limit = 0", "not_before = now()", "start_deadline = now()",
                          "traceparent = 'x'", "entitlement_id = 'x'", "id = gen_random_uuid()"}) {
    EXPECT_EQ(change(set), "42501") << set;
  }
}

TEST_F(StateChart, AFinalRowTakesLabelsAndRetentionOnly) {
  const auto e = running();
  ASSERT_TRUE(run(store_->finish(end(e, Stage::Running, Reason::Completed))).value());
  const auto change = [&](const std::string& set) {
    return sql_->fails_with("UPDATE slipway.executions SET " + set);
  };
  EXPECT_EQ(change("labels = '{\"seen\": \"yes\"}', ttl_seconds_after_finished = 60"), "");
  for (const auto* set : {"cancel_requested = true", "priority = 3", "timeout_seconds = 9", "output = NULL",
                          "status = 'FAILED'"}) {
    EXPECT_EQ(change(set), "42501") << set;
  }
  // …not even for the controller
  sql_->exec("BEGIN; SELECT slipway.act_as('n1', 1)");
  EXPECT_EQ(change("status = 'FAILED', reason = 'OOMKilled', output = NULL"), "42501");
  sql_->exec("ROLLBACK");
}

TEST_F(StateChart, ARowLeavesOnlyWhenNothingOfItCanBeLeft) {
  const auto e = running();
  EXPECT_EQ(sql_->fails_with("DELETE FROM slipway.executions"), "55000");
  ASSERT_TRUE(run(store_->finish(end(e, Stage::Running, Reason::Completed))).value());
  EXPECT_EQ(sql_->fails_with("DELETE FROM slipway.executions"), "55000");
  ASSERT_TRUE(run(store_->record(step(e, Stage::Finished, Stage::Cleaned))).value());
  EXPECT_EQ(sql_->fails_with("DELETE FROM slipway.executions"), "");
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.execution_events"), "0");
}

TEST_F(StateChart, AChangedSpecMakesANewImmutableRevision) {
  EXPECT_EQ(sql_->value("SELECT revision FROM slipway.agents"), "1");
  sql_->exec("UPDATE slipway.agents SET labels = '{\"team\": \"quant\"}'");
  EXPECT_EQ(sql_->value("SELECT revision FROM slipway.agents"), "1");
  sql_->exec(
      R"(INSERT INTO slipway.agents (name, spec) VALUES ('echo', '{"image": "echo:2"}') ON CONFLICT (name) DO UPDATE SET spec = excluded.spec)");
  EXPECT_EQ(sql_->value("SELECT string_agg(revision || (spec->>'image'), ' ' ORDER BY revision) FROM "
                        "slipway.agent_revisions"),
            "1echo:1 2echo:2");
  EXPECT_EQ(sql_->fails_with("UPDATE slipway.agent_revisions SET spec = '{}'"), "42501");
  sql_->exec("DELETE FROM slipway.agents");
  sql_->exec(R"(INSERT INTO slipway.agents (name, spec) VALUES ('echo', '{"image": "echo:3"}'))");
  EXPECT_EQ(sql_->value("SELECT revision FROM slipway.agents"), "3") << "a number is never given twice";
  EXPECT_EQ(sql_->fails_with("INSERT INTO slipway.agents (name, spec) VALUES ('x', '{}')"), "23514");
  EXPECT_EQ(sql_->fails_with(
                R"(INSERT INTO slipway.agents (name, spec) VALUES ('x', '{"image": "i", "price": "-1"}'))"),
            "23514");
}

TEST_F(StateChart, IdsAreVersionSevenAndInOrderOfTime) {
  EXPECT_EQ(sql_->value("SELECT substr(slipway.uuid_v7()::text, 15, 1)"), "7");
  const auto earlier = sql_->value("SELECT slipway.uuid_v7()");
  const auto moment = sql_->value("SELECT clock_timestamp() + interval '2 milliseconds'");
  while (sql_->value("SELECT clock_timestamp() > $1::timestamptz", {moment}) != "t") continue;
  EXPECT_LT(earlier, sql_->value("SELECT slipway.uuid_v7()"));
}

}  // namespace
}  // namespace slipway::test

// A submitter and the rows of others: nothing to see, to guess, to change or to spend, by whatever statement.
#include "test/store/tenancy_rig.h"

namespace slipway::test {
namespace {

class Borders : public TenancyRig {
 protected:
  Borders() : own_(lived("u-1", "own-mark")), foreign_(lived("u-2", "canary")) {
    waiting_ = insert("u-2");
    as("backend").exec("BEGIN; SET LOCAL slipway.user_id = 'u-1'");
  }

  // The tables and views in which the session can read `mark`, as text or as bytes.
  std::string found(Sql& session, const std::string& mark) {
    std::string where;
    for (const auto& row : session.query(
             "SELECT c.relname, string_agg(quote_ident(a.attname) || '::text', ', ' ORDER BY a.attnum) FROM "
             "pg_attribute a "
             "JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'slipway'::regnamespace AND "
             "c.relkind IN ('r', 'v') "
             "AND a.attnum > 0 AND has_column_privilege(c.oid, a.attnum, 'SELECT') GROUP BY 1 ORDER BY 1")) {
      const auto count = session.value("SELECT count(*) FROM (SELECT concat_ws(' ', " + *row[1] +
                                           ") AS all_of_it FROM slipway." + *row[0] +
                                           ") t WHERE strpos(all_of_it, $1) > 0 OR strpos(all_of_it, "
                                           "encode($1::bytea, 'hex')) > 0",
                                       {mark});
      if (count != "0") where += *row[0] + " ";
    }
    return where;
  }
  std::string standing(const ExecutionId& id) {
    return sql_->value("SELECT e::text FROM slipway.executions e WHERE id = $1", {id});
  }

  ExecutionId own_, foreign_, waiting_;
};

TEST_F(Borders, SubmitterFindsNoWordOfAnotherUserAnywhere) {
  const std::string everywhere =
      "entitlement_spends entitlements execution_log_chunks execution_logs executions submissions ";
  EXPECT_EQ(found(as("rival"), "canary"), everywhere) << "the sweep sees what is the role's own";
  EXPECT_EQ(found(as("shop"), "canary") + found(as("shop"), "u-2") + found(as("shop"), foreign_), "");
  EXPECT_EQ(found(as("desk"), "canary") + found(as("desk"), "u-2"), "") << "a reader of one user";
  EXPECT_EQ(found(as("backend"), "canary") + found(as("backend"), "u-2"), "") << "narrowed";
  EXPECT_EQ(found(as("idler"), "own-mark") + found(as("idler"), "canary"), "") << "for nobody";
  as("backend").exec("ROLLBACK");
  EXPECT_EQ(found(as("backend"), "canary"), everywhere) << "no longer narrowed";
  EXPECT_EQ(found(as("board"), "canary"), "attempts " + everywhere) << "with the details";
}

TEST_F(Borders, WhatHangsOnAnExecutionIsSeenByItsUserOnly) {
  for (const auto* table : {"attempts", "execution_events", "execution_log_chunks", "execution_logs"}) {
    const auto count = [&](const std::string& role, const ExecutionId& id) {
      return std::stoi(as(role).value(
          std::string("SELECT count(*) FROM slipway.") + table + " WHERE execution_id = $1", {id}));
    };
    for (const auto* role : {"shop", "desk", "backend"}) {
      EXPECT_GT(count(role, own_), 0) << role << " " << table;
      EXPECT_EQ(count(role, foreign_), 0) << role << " " << table;
    }
    EXPECT_GT(count("board", foreign_), 0) << table;
    EXPECT_EQ(count("idler", own_), 0) << table;
  }
}

TEST_F(Borders, OwnRightsAndUsageAreReadAndTheDefaultQuotaToo) {
  for (const auto* role : {"shop", "desk", "backend"}) {
    EXPECT_EQ(as(role).value("SELECT string_agg(id, ' ') FROM slipway.entitlements"), "bought-own-mark");
    EXPECT_EQ(as(role).value("SELECT string_agg(user_id, ' ' ORDER BY user_id) FROM slipway.quotas"),
              "* u-1");
    EXPECT_EQ(as(role).value("SELECT string_agg(user_id, ' ') FROM slipway.user_usage"), "u-1");
    EXPECT_EQ(as(role).value("SELECT count(*) FROM slipway.entitlement_spends"), "1");
  }
}

TEST_F(Borders, NoStatementChangesAnothersRow) {
  const auto before = standing(foreign_) + standing(waiting_);
  for (const auto* role : {"shop", "backend"}) {
    auto& session = as(role);
    const auto touched = [&](const std::string& sql) { return session.query(sql, {waiting_}).size(); };
    EXPECT_EQ(touched("UPDATE slipway.executions SET cancel_requested = true WHERE id = $1 RETURNING 1"), 0U);
    EXPECT_EQ(touched("UPDATE slipway.executions SET timeout_seconds = 9 WHERE id = $1 RETURNING *"), 0U);
    EXPECT_EQ(touched("SELECT * FROM slipway.executions WHERE id = $1 FOR UPDATE"), 0U);
    EXPECT_EQ(touched("SELECT * FROM slipway.executions WHERE id = $1 FOR KEY SHARE"), 0U);
    session.query(
        "MERGE INTO slipway.executions e USING (VALUES ($1::uuid)) AS s(id) ON e.id = s.id "
        "WHEN MATCHED THEN UPDATE SET cancel_requested = true",
        {waiting_});
    session.exec("UPDATE slipway.executions SET labels = '{\"mine\": true}'");
  }
  as("backend").exec("COMMIT");
  EXPECT_EQ(standing(foreign_) + standing(waiting_), before);
}

TEST_F(Borders, NobodyInsertsOrGivesAwayARowForAnotherUser) {
  const std::string row = "(user_id, agent, input) VALUES ('u-2', 'echo', '{}')";
  for (const auto* role : {"shop", "backend", "idler"}) {
    auto& session = as(role);
    const auto refused = [&](const std::string& sql) {
      session.exec("SAVEPOINT s1");
      const auto state = session.fails_with(sql);
      session.exec("ROLLBACK TO s1");
      return state;
    };
    if (std::string(role) != "backend") session.exec("BEGIN");
    EXPECT_EQ(refused("INSERT INTO slipway.executions " + row), "42501") << role;
    EXPECT_EQ(refused("INSERT INTO slipway.executions " + row + " RETURNING *"), "42501") << role;
    EXPECT_EQ(refused("INSERT INTO slipway.executions " + row + " ON CONFLICT DO NOTHING"), "42501") << role;
    EXPECT_EQ(refused("INSERT INTO slipway.submissions " + row), "42501") << role;
    EXPECT_EQ(
        refused("MERGE INTO slipway.executions e USING (VALUES (1)) AS s(n) ON false WHEN NOT MATCHED THEN "
                "INSERT (user_id, agent, input) VALUES ('u-2', 'echo', '{}')"),
        "42501")
        << role;
    if (std::string(role) != "idler") {
      EXPECT_EQ(refused("UPDATE slipway.executions SET user_id = 'u-2'"), "42501") << role;
    }
  }
}

TEST_F(Borders, AConflictWithAnothersRowChangesNothingAndShowsNoWord) {
  auto& shop = as("shop");
  const auto words = [&](const std::string& then) -> std::string {
    try {
      shop.query(
          "INSERT INTO slipway.executions (id, user_id, agent, input) VALUES ($1, 'u-1', 'echo', '{}') " +
              then,
          {waiting_});
      return "";
    } catch (const SqlError& error) {
      return error.what();
    }
  };
  const auto before = standing(waiting_);
  // That the id is taken cannot be hidden from who knows it; it has 74 random bits, and knowing it gives
  // nothing else.
  for (const auto* then : {"", "ON CONFLICT (id) DO UPDATE SET cancel_requested = true RETURNING *"}) {
    EXPECT_NE(words(then), "");
    EXPECT_EQ(words(then).find("u-2"), std::string::npos) << words(then);
    EXPECT_EQ(words(then).find("Key ("), std::string::npos) << words(then);
  }
  EXPECT_EQ(standing(waiting_), before);
}

TEST_F(Borders, ANameIsNoSecretBetweenUsersBecauseItIsEachUsersOwn) {
  EXPECT_EQ(as("shop").fails_with(
                "INSERT INTO slipway.executions (user_id, agent, input, name) VALUES ('u-1', 'echo', '{}', "
                "'canary')"),
            "");
  EXPECT_EQ(as("shop").fails_with(
                "INSERT INTO slipway.executions (user_id, agent, input, name) VALUES ('u-2', 'echo', '{}', "
                "'canary')"),
            "42501")
      << "refused before the constraint is looked at";
}

TEST_F(Borders, AnothersEntitlementIsNamedExactlyLikeOneThatIsNot) {
  const auto row = [&](const std::string& entitlement) {
    const auto id = as("shop").value(
        "INSERT INTO slipway.executions (user_id, agent, input, entitlement_id) VALUES ('u-1', "
        "'echo', '{}', $1) RETURNING id",
        {entitlement});
    return as("shop").value(
        "SELECT to_jsonb(e) - 'id' - 'entitlement_id' - 'created_at' - 'decide_at' FROM "
        "slipway.executions e WHERE id = $1",
        {id});
  };
  EXPECT_EQ(row("bought-canary"), row("bought-nothing"));
  EXPECT_EQ(as("shop").value("SELECT count(*) FROM slipway.entitlements WHERE id = 'bought-canary'"), "0");
}

TEST_F(Borders, CopyReadsOwnRowsOnlyAndWritesThroughSubmissionsOnly) {
  EXPECT_EQ(as("shop").fails_with("COPY slipway.executions (user_id, agent, input) FROM STDIN"), "0A000");
  EXPECT_EQ(as("shop").copied("COPY slipway.executions (user_id) TO STDOUT"), "u-1\n");
  EXPECT_EQ(as("shop").copied("COPY (SELECT user_id FROM slipway.submissions) TO STDOUT"), "u-1\n");
  EXPECT_EQ(as("shop").copy("COPY slipway.submissions (user_id, agent, input) FROM STDIN",
                            "u-1\techo\t{}\nu-1\techo\t[]\n"),
            "");
  EXPECT_EQ(as("shop").copy("COPY slipway.submissions (user_id, agent, input) FROM STDIN",
                            "u-1\techo\t{}\nu-2\techo\t{}\n"),
            "42501");
  EXPECT_EQ(as("shop").value("SELECT count(*) FROM slipway.executions"), "3") << "all of a COPY or nothing";
}

// The policy's question comes before any other that could tell what it was asked about.
TEST_F(Borders, ALeakyFunctionIsNeverShownAnothersRow) {
  for (const auto* role : {"shop", "desk"}) {
    auto& session = as(role);
    session.exec(
        R"(CREATE FUNCTION pg_temp.shout(word text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
      BEGIN IF word ~ 'canary|u-2' THEN RAISE EXCEPTION 'seen: %', word; END IF; RETURN true; END $$)");
    for (const auto* word :
         {"executions.user_id", "executions.input::text", "submissions.name", "execution_logs.line",
          "entitlements.id", "entitlement_spends.user_id", "quotas.user_id", "user_usage.user_id",
          "execution_log_chunks.bytes::text", "attempts.execution_id::text"}) {
      const std::string table = std::string(word).substr(0, std::string(word).find('.'));
      EXPECT_EQ(
          session.fails_with("SELECT count(*) FROM slipway." + table + " WHERE pg_temp.shout(" + word + ")"),
          "")
          << word;
    }
    EXPECT_EQ(session.fails_with("SELECT * FROM slipway.executions WHERE 1 / (user_id <> 'u-2')::int = 1"),
              "");
    EXPECT_EQ(session.fails_with("SELECT name::int FROM slipway.executions WHERE user_id <> 'u-1'"), "");
  }
}

TEST_F(Borders, SwitchingRowSecurityOffFailsInsteadOfShowing) {
  as("shop").exec("SET row_security = off");
  EXPECT_EQ(as("shop").fails_with("SELECT * FROM slipway.executions"), "42501");
  EXPECT_EQ(as("shop").fails_with("SELECT * FROM slipway.execution_logs"), "42501");
}

TEST_F(Borders, AnotherRoleTakenOnBringsNoFurtherUsers) {
  superuser().exec("GRANT backend, rival TO shop");
  auto& shop = as("shop");
  for (const auto* role : {"backend", "rival", "slipway_submitter"}) {
    shop.exec(std::string("SET ROLE ") + role);
    EXPECT_EQ(shop.value("SELECT string_agg(user_id, ' ') FROM slipway.executions"), "u-1") << role;
  }
  shop.exec("RESET ROLE");
  superuser().exec("REVOKE backend, rival FROM shop");
  superuser().exec("CREATE SCHEMA backend AUTHORIZATION backend");
  as("backend").exec("COMMIT");
  as("backend").exec(
      "CREATE FUNCTION backend.all_of_it() RETURNS text LANGUAGE sql SECURITY DEFINER AS "
      "'SELECT string_agg(user_id, '' '') FROM slipway.executions'; GRANT USAGE ON SCHEMA backend TO shop");
  EXPECT_EQ(shop.value("SELECT backend.all_of_it()"), "u-1");
}

TEST_F(Borders, NarrowingTakesAwayAndNeverAdds) {
  auto& shop = as("shop");
  for (const auto* wish : {"u-2", "*", "u-1' OR true --"}) {
    shop.query("SELECT set_config('slipway.user_id', $1, false)", {wish});
    EXPECT_EQ(shop.value("SELECT count(*) FROM slipway.executions"), "0") << wish;
    EXPECT_EQ(shop.fails_with(
                  "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u-1', 'echo', '{}')"),
              "42501");
  }
  shop.exec("SET slipway.user_id = 'u-1'");
  EXPECT_EQ(shop.value("SELECT count(*) FROM slipway.executions"), "1");
  auto& backend = as("backend");
  backend.exec("COMMIT");
  EXPECT_EQ(backend.value("SELECT count(*) FROM slipway.executions"), "3") << "for one transaction";
  EXPECT_EQ(backend.fails_with("SELECT slipway.narrow_to('')"), "23514");
  EXPECT_EQ(backend.fails_with("SELECT slipway.narrow_to(NULL)"), "23514");
  backend.exec("BEGIN; SELECT slipway.narrow_to('u-2')");
  EXPECT_EQ(backend.value("SELECT string_agg(DISTINCT user_id, ' ') FROM slipway.executions"), "u-2");
}

// The planner's estimate is shown to everybody: it must not depend on which foreign value is asked about.
TEST_F(Borders, AnEstimateTellsNothingOfOthers) {
  superuser().exec(R"(SET session_replication_role = replica;
    INSERT INTO slipway.executions (user_id, agent, input, name, entitlement_id)
      SELECT CASE WHEN i % 4 = 0 THEN 'u-1' ELSE 'u-2' END, 'echo', '{}', 'name-' || i, 'bought-canary' FROM generate_series(1, 4000) i;
    INSERT INTO slipway.entitlements (id, user_id, agent) SELECT 'e-' || i, 'u-2', 'echo' FROM generate_series(1, 1000) i;
    ANALYZE)");
  const auto estimate = [&](const std::string& table, const std::string& condition) {
    auto plan =
        as("shop").value("EXPLAIN (FORMAT JSON) SELECT * FROM slipway." + table + " WHERE " + condition);
    return plan.substr(plan.find("Plan Rows"), 24);
  };
  for (const std::string table : {"executions", "entitlements"}) {
    EXPECT_EQ(estimate(table, "user_id = 'u-2'"), estimate(table, "user_id = 'nobody'")) << table;
    EXPECT_EQ(estimate(table, "user_id < 'u-2'"), estimate(table, "user_id < 'a'")) << table;
  }
  EXPECT_EQ(estimate("executions", "entitlement_id = 'bought-canary'"),
            estimate("executions", "entitlement_id = 'none'"));
  EXPECT_EQ(estimate("executions", "id < '" + waiting_ + "'"),
            estimate("executions", "id < gen_random_uuid()"));
  EXPECT_EQ(estimate("executions", "name < 'name-3'"), estimate("executions", "name < 'a'"));
}

}  // namespace
}  // namespace slipway::test

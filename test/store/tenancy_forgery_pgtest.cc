// What a submitter might write that is the controller's, and what it might do to the database itself.
#include "test/store/tenancy_rig.h"

namespace slipway::test {
namespace {

// What any column of the controller's could be forged to, by its type.
const std::map<std::string, std::string> kForgedByType = {{"slipway.status", "COMPLETED"},
                                                          {"slipway.reason", "Completed"},
                                                          {"slipway.fault", "Platform"},
                                                          {"slipway.stage", "Queued"},
                                                          {"slipway.verdict", "Cancel"},
                                                          {"text", "forged"},
                                                          {"jsonb", "{\"Admitted\": 1}"},
                                                          {"json", "{}"},
                                                          {"integer", "7"},
                                                          {"bigint", "7"},
                                                          {"numeric", "0"},
                                                          {"boolean", "true"},
                                                          {"timestamp with time zone", "2020-01-01"},
                                                          {"uuid", "00000000-0000-7000-8000-000000000000"}};

class Forgery : public TenancyRig {
 protected:
  Forgery() {
    own_ = insert("u-1");
    superuser().exec("CREATE SCHEMA shop AUTHORIZATION shop");
  }

  // Every column of executions that the view `submissions` does not have.
  std::vector<std::pair<std::string, std::string>> controller_columns() {
    std::vector<std::pair<std::string, std::string>> columns;
    for (const auto& row : superuser().query("SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
                                             "WHERE attrelid = 'slipway.executions'::regclass AND "
                                             "attnum > 0 AND NOT attisdropped AND attname NOT IN (SELECT "
                                             "attname FROM pg_attribute WHERE attrelid = "
                                             "'slipway.submissions'::regclass)")) {
      columns.emplace_back(*row[0], kForgedByType.at(*row[1]));
    }
    return columns;
  }
  std::string standing() {
    return sql_->value("SELECT e::text FROM slipway.executions e WHERE id = $1", {own_});
  }

  ExecutionId own_;
};

TEST_F(Forgery, NoColumnOfTheControllersIsWrittenByAnyStatement) {
  auto& shop = as("shop");
  const auto before = standing();
  const auto columns = controller_columns();
  shop.exec("SET slipway.controller = 'on'");
  for (const auto& [column, value] : columns) {
    const auto refused = [&](const std::string& sql) {
      EXPECT_EQ(shop.fails_with(sql, {value}), "42501") << sql;
    };
    refused("INSERT INTO slipway.executions (user_id, agent, input, " + column +
            ") VALUES ('u-1', 'echo', '{}', $1)");
    refused("UPDATE slipway.executions SET " + column + " = $1");
    refused(
        "INSERT INTO slipway.executions (id, user_id, agent, input) SELECT id, user_id, agent, input FROM "
        "slipway.executions ON CONFLICT (id) DO UPDATE SET " +
        column + " = $1");
    refused("MERGE INTO slipway.executions e USING (VALUES (1)) s(n) ON true WHEN MATCHED THEN UPDATE SET " +
            column + " = $1");
    const auto through_view = "slipway.submissions (user_id, agent, input, " + column + ")";
    EXPECT_EQ(shop.fails_with("INSERT INTO " + through_view + " VALUES ('u-1', 'echo', '{}', '')"), "42703")
        << column;
    EXPECT_EQ(shop.copy("COPY " + through_view + " FROM STDIN", "u-1\techo\t{}\t" + value + "\n"), "42703")
        << column;
    EXPECT_EQ(shop.copy("COPY slipway.executions (user_id, agent, input, " + column + ") FROM STDIN", ""),
              "0A000")
        << column;
  }
  EXPECT_EQ(columns.size(), 35U);
  EXPECT_EQ(standing(), before);
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.executions"), "1");
}

TEST_F(Forgery, TheViewIsForInsertingOnly) {
  EXPECT_EQ(as("shop").fails_with("UPDATE slipway.submissions SET cancel_requested = true"), "42501");
  EXPECT_EQ(as("shop").fails_with("DELETE FROM slipway.submissions"), "42501");
  EXPECT_EQ(
      as("shop").value(
          "INSERT INTO slipway.submissions (user_id, agent, input) VALUES ('u-1', 'echo', '[1]') RETURNING "
          "id = (SELECT max(id::text)::uuid FROM slipway.submissions)"),
      "f")
      << "its own snapshot is older";
  EXPECT_EQ(as("shop").value(
                "SELECT string_agg(input::text || status || stage, ' ' ORDER BY id) FROM slipway.executions"),
            "{}PENDINGNew [1]PENDINGNew");
}

// Resolved under the caller's search_path, `pg_has_role` and `<>` would be the submitter's own.
TEST_F(Forgery, ASchemaBeforePgCatalogMakesNobodyAController) {
  auto& shop = as("shop");
  shop.exec(R"(
    CREATE FUNCTION shop.pg_has_role(name, text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
    CREATE FUNCTION shop.never(slipway.status, slipway.status) RETURNS boolean LANGUAGE sql AS 'SELECT false';
    CREATE OPERATOR shop.<> (LEFTARG = slipway.status, RIGHTARG = slipway.status, FUNCTION = shop.never);
    CREATE FUNCTION shop.never(slipway.executions, slipway.executions) RETURNS boolean LANGUAGE sql AS 'SELECT false';
    CREATE OPERATOR shop.*<> (LEFTARG = slipway.executions, RIGHTARG = slipway.executions, FUNCTION = shop.never);
    CREATE FUNCTION shop.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
    CREATE FUNCTION shop.current_setting(text, boolean) RETURNS text LANGUAGE sql AS $$ SELECT 'on' $$;
    SET search_path = shop, pg_catalog; SET slipway.controller = 'on')");
  const auto before = standing();
  EXPECT_EQ(shop.fails_with("UPDATE slipway.executions SET stage = 'Queued'"), "42501");
  EXPECT_EQ(
      shop.fails_with(
          "UPDATE slipway.executions SET stage = 'Finished', status = 'COMPLETED', reason = 'Completed', "
          "finished_at = now(), output = '{}'"),
      "42501");
  EXPECT_EQ(shop.fails_with(
                "INSERT INTO slipway.executions (user_id, agent, input, status) VALUES ('u-1', 'a', '{}', "
                "'RUNNING')"),
            "42501");
  EXPECT_EQ(shop.value("SELECT slipway.is_controller()"), "f");
  EXPECT_EQ(standing(), before);
}

// No lock stronger than those that reading and inserting take anyway.
TEST_F(Forgery, LockTableStallsNobody) {
  auto& shop = as("shop");
  for (const auto& table :
       {"executions", "attempts", "entitlements", "quotas", "user_usage", "agents", "submissions"}) {
    for (const auto& mode :
         {"SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"}) {
      shop.exec("BEGIN");
      EXPECT_EQ(shop.fails_with(std::string("LOCK TABLE slipway.") + table + " IN " + mode + " MODE"),
                "42501")
          << table << mode;
      shop.exec("ROLLBACK");
    }
  }
  shop.exec(
      "BEGIN; LOCK TABLE slipway.executions IN ROW EXCLUSIVE MODE; SELECT * FROM slipway.executions FOR "
      "UPDATE");
  EXPECT_EQ(store::taken(run(store_->claim({queued("u-2")})).value()).size(), 1U);
  EXPECT_EQ(sql_->fails_with("SET lock_timeout = '1s'; "), "");
  EXPECT_EQ(
      sql_->fails_with("INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u-2', 'echo', '{}')"),
      "");
}

TEST_F(Forgery, TheSchemaItselfIsOutOfReach) {
  auto& shop = as("shop");
  for (const auto* sql : {"CREATE TABLE slipway.mine (n int)",
                          "CREATE FUNCTION slipway.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                          "CREATE VIEW slipway.mine AS SELECT 1",
                          "ALTER TABLE slipway.executions DISABLE TRIGGER ALL",
                          "ALTER TABLE slipway.executions DISABLE ROW LEVEL SECURITY",
                          "ALTER TABLE slipway.executions NO FORCE ROW LEVEL SECURITY",
                          "DROP POLICY tenants ON slipway.executions",
                          "CREATE POLICY mine ON slipway.executions USING (true)",
                          "CREATE TRIGGER mine BEFORE INSERT ON slipway.executions FOR EACH ROW EXECUTE "
                          "FUNCTION slipway.executions_admit()",
                          "CREATE INDEX ON slipway.executions (message)",
                          "TRUNCATE slipway.executions",
                          "DELETE FROM slipway.executions",
                          "CREATE TABLE shop.t (id uuid REFERENCES slipway.executions)",
                          "ALTER FUNCTION slipway.is_controller() RESET ALL",
                          "CREATE RULE mine AS ON SELECT TO slipway.executions DO INSTEAD SELECT 1",
                          "COMMENT ON TABLE slipway.executions IS 'x'",
                          "CREATE STATISTICS shop.s ON user_id, agent FROM slipway.executions",
                          "GRANT slipway_controller TO shop",
                          "SET session_replication_role = replica",
                          "SET SESSION AUTHORIZATION daemon",
                          "SET ROLE slipway_controller",
                          "SET ROLE landlord",
                          "INSERT INTO slipway.submitter_users VALUES ('shop', '*')",
                          "SELECT * FROM slipway.submitter_users",
                          "CREATE PUBLICATION mine FOR TABLE slipway.executions"}) {
    const auto state = shop.fails_with(sql);
    EXPECT_TRUE(state == "42501" || state == "42809") << sql << " " << state;
    shop.exec("RESET ALL; RESET ROLE");
  }
  // Granting what one may not grant is a mere warning in PostgreSQL: what counts is that nothing was granted.
  shop.exec("GRANT SELECT ON slipway.executions TO stranger; GRANT USAGE ON SCHEMA slipway TO stranger");
  EXPECT_EQ(as("stranger").fails_with("SELECT * FROM slipway.executions"), "42501");
  EXPECT_EQ(as("stranger").fails_with("SELECT slipway.uuid_v7()"), "42501");
}

TEST_F(Forgery, ASubmittersOwnTablesAreNeverTakenForOurs) {
  auto& shop = as("shop");
  shop.exec(
      "CREATE TEMP TABLE nodes AS SELECT true AS idle; CREATE TEMP TABLE submitter_users AS SELECT "
      "'shop'::name AS "
      "role_name, '*' AS user_id; SET search_path = pg_temp, shop, slipway, pg_catalog");
  insert("u-2");
  EXPECT_EQ(shop.value("SELECT string_agg(user_id, ' ') FROM slipway.executions"), "u-1");
}

TEST_F(Forgery, AnIdThatHasSpentMakesNoSecondExecution) {
  const auto id = lived("u-1", "mark");
  ASSERT_TRUE(run(store_->record(step(load(id), Stage::Finished, Stage::Cleaned))).value());
  as("steward").query("DELETE FROM slipway.executions WHERE id = $1", {id});
  EXPECT_EQ(as("shop").fails_with(
                "INSERT INTO slipway.executions (id, user_id, agent, input) VALUES ($1, 'u-1', 'echo', '{}')",
                {id}),
            "23505")
      << "the ledger holds its spend: it would run for nothing";
}

TEST_F(Forgery, MappersWorkUnchangedUnderTheSubmittersRights) {
  auto& shop = as("shop");
  EXPECT_EQ(
      shop.fails_with(
          "INSERT INTO slipway.executions (id, user_id, agent, input, priority, status, output, created_at, "
          "labels) VALUES (NULL, 'u-1', 'echo', '{}', DEFAULT, NULL, NULL, DEFAULT, NULL) RETURNING *"),
      "");
  EXPECT_EQ(shop.fails_with("SELECT * FROM slipway.executions"), "");
  // A mapper's own "now" for created_at is taken for the default, and does not count.
  const std::string at =
      "INSERT INTO slipway.executions (user_id, agent, input, created_at) VALUES ('u-1', 'echo', '{}', now() "
      "+ ";
  EXPECT_EQ(shop.value(at + "interval '2 seconds') RETURNING created_at = now()"), "t");
  EXPECT_EQ(shop.fails_with(at + "interval '6 minutes')"), "42501");
  // A mapper that writes a whole object back names every column.
  const auto all = shop.value(
      "SELECT string_agg(quote_ident(attname) || ' = ' || quote_ident(attname), ', ') FROM pg_attribute "
      "WHERE attrelid = 'slipway.executions'::regclass AND attnum > 0 AND NOT attisdropped");
  EXPECT_EQ(shop.fails_with("UPDATE slipway.executions SET " + all + " RETURNING *"), "");
  EXPECT_EQ(
      shop.value(
          "UPDATE slipway.executions SET cancel_requested = true WHERE id = $1 RETURNING cancel_requested",
          {own_}),
      "t");
}

}  // namespace
}  // namespace slipway::test

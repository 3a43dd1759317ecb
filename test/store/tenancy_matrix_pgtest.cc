// Every role against every table, column and operation, by doing it. What should happen is a rule stated
// here; which tables and columns there are is asked of the catalogue, so that a new one is held to the rule
// as well.
#include "test/store/tenancy_rig.h"

namespace slipway::test {
namespace {

using Names = std::set<std::string>;
enum class Op { Select, Insert, Update, Delete };

const Names kViews = {"execution_logs", "agent_statistics", "submissions"};
const Names kSubmitterReads = {
    "executions",     "submissions",       "attempts",           "execution_events", "execution_log_chunks",
    "execution_logs", "entitlements",      "entitlement_spends", "quotas",           "user_usage",
    "agents",         "schema_migrations", "partial_results"};
const Names kControllerWrites = {
    "executions",   "attempts",           "execution_events", "execution_log_chunks",
    "entitlements", "entitlement_spends", "user_usage",       "outcomes",
    "agent_stats",  "agent_stat_buckets", "end_totals",       "totals_teller",
    "nodes",        "partial_results"};
// Hashes of secrets: nobody else's to read.
const Names kNotShown = {"submitter_users", "api_tokens"};
const Names kAdminWrites = {"agents", "entitlements", "quotas", "nodes", "executions", "submitter_users"};

bool submitter_may(const std::string& table, const std::string& column, Op op) {
  switch (op) {
    case Op::Select:
      return kSubmitterReads.contains(table) && !(table == "attempts" && column == "detail");
    case Op::Insert:
      return table == "executions" || table == "submissions";
    case Op::Update:
      return table == "executions";
    case Op::Delete:
      return false;
  }
  return false;
}

bool admin_may(const std::string& table, Op op) {
  if (op == Op::Select || kAdminWrites.contains(table)) return true;
  if (table == "api_tokens") return op != Op::Delete;  // revoked, never forgotten
  if (op == Op::Insert) return table == "agent_revisions" || table == "submissions";
  return op == Op::Delete && (table == "attempts" || table == "partial_results" ||
                              table == "execution_events" || table == "execution_log_chunks");
}

bool may(const std::string& role, const std::string& table, const std::string& column, Op op) {
  const bool shown = op == Op::Select && !kNotShown.contains(table);
  if (role == "shop") return submitter_may(table, column, op);
  if (role == "board") return shown;
  // Locking an agent that has a limit asks for the right to change a column of it.
  const bool locks = op == Op::Update && table == "agents" && column == "updated_at";
  if (role == "daemon" && op == Op::Select && table == "api_tokens") return true;
  if (role == "daemon") return shown || locks || kControllerWrites.contains(table);
  if (role == "steward") return admin_may(table, op);
  return false;
}

class Matrix : public TenancyRig {
 protected:
  std::string statement(const std::string& table, const std::string& column, Op op) {
    const auto name = "slipway." + table;
    const bool whole = table == "executions" || table == "submissions";
    const bool named = column == "user_id" || column == "agent" || column == "input";
    switch (op) {
      case Op::Select:
        return "SELECT " + column + " FROM " + name;
      case Op::Insert:
        if (!whole) return "INSERT INTO " + name + " (" + column + ") VALUES (DEFAULT)";
        return "INSERT INTO " + name + " (user_id, agent, input" + (named ? "" : ", " + column) +
               ") VALUES ('u-1', 'echo', '{}'" + (named ? ")" : ", DEFAULT)");
      case Op::Update:
        return "UPDATE " + name + " SET " + column + " = " + column;
      case Op::Delete:
        return "DELETE FROM " + name;
    }
    return "";
  }

  // Refused for want of a right, or because a view takes no such statement from anybody. Wrong values and the
  // state chart's own refusals come after rights.
  bool refused(Sql& session, const std::string& sql) {
    session.exec("BEGIN");
    std::string words, state;
    try {
      session.exec(sql);
    } catch (const SqlError& error) {
      words = error.what(), state = error.sqlstate;
    }
    session.exec("ROLLBACK");
    EXPECT_EQ(words.find("row-level security"), std::string::npos) << sql << words;
    return words.find("permission denied") != std::string::npos || state == "55000" || state == "0A000";
  }

  // A value that is always the server's is nobody's to name, whatever the rights.
  bool generated(const std::string& table, const std::string& column) {
    return (table == "execution_events" && column == "id") ||
           (table.starts_with("agent") && column == "owner");
  }
};

TEST_F(Matrix, EveryRoleTableColumnAndOperationIsAsTheRuleSays) {
  lived("u-1", "one");
  const auto columns = superuser().query(
      "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE "
      "c.relnamespace = "
      "'slipway'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY "
      "1, a.attnum");
  int tried = 0, allowed = 0;
  for (const auto* role : {"shop", "board", "daemon", "steward", "stranger"}) {
    for (const auto& row : columns) {
      const auto &table = *row[0], &column = *row[1];
      for (const auto op : {Op::Select, Op::Insert, Op::Update, Op::Delete}) {
        if (op == Op::Update && generated(table, column)) continue;
        const bool expected = may(role, table, column, op);
        // A final row, or one that has not converged, may be refused by the chart: that is no want of a
        // right.
        const bool chart = op == Op::Delete && table == "executions" && expected;
        const auto sql = statement(table, column, op);
        if (!chart) EXPECT_EQ(!refused(as(role), sql), expected) << role << ": " << sql;
        ++tried, allowed += expected ? 1 : 0;
      }
    }
  }
  std::cout << tried << " statements tried, " << allowed << " of them allowed\n";
  EXPECT_GT(tried, 2000);
}

TEST_F(Matrix, EveryTableThatNamesAUserOrAnExecutionIsUnderForcedRowSecurity) {
  EXPECT_EQ(superuser().value("SELECT string_agg(DISTINCT c.relname, ' ') FROM pg_class c JOIN pg_attribute "
                              "a ON a.attrelid = c.oid WHERE "
                              "c.relnamespace = 'slipway'::regnamespace AND c.relkind = 'r' AND a.attname IN "
                              "('user_id', 'execution_id') "
                              "AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"),
            "");
}

TEST_F(Matrix, EveryViewOfTenantsRowsAsksForTheReadersOwnRights) {
  EXPECT_EQ(superuser().value(
                "SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'slipway'::regnamespace "
                "AND relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)"),
            "agent_statistics");  // sums over all users, for readers and the platform
}

TEST_F(Matrix, NoFunctionIsEverybodysAndNoBodyIsReadUnderTheCallersSearchPath) {
  EXPECT_EQ(
      superuser().value(
          "SELECT string_agg(p.oid::regprocedure::text, ' ') FROM pg_proc p, aclexplode(coalesce(p.proacl, "
          "acldefault('f', p.proowner))) x WHERE p.pronamespace = 'slipway'::regnamespace AND x.grantee = 0"),
      "");
  EXPECT_EQ(superuser().value("SELECT string_agg(p.oid::regprocedure::text, ' ') FROM pg_proc p WHERE "
                              "p.pronamespace = 'slipway'::regnamespace "
                              "AND p.prosqlbody IS NULL AND NOT coalesce('search_path=pg_catalog, pg_temp' = "
                              "ANY (p.proconfig), false)"),
            "");
}

TEST_F(Matrix, SubmittersAndReadersMayCallNothingOfTheControllers) {
  for (const auto* role : {"shop", "board", "backend", "stranger"}) {
    for (const auto* call : {"slipway.act_as('n1', 1)", "slipway.claim('n1', 1, '{}', '', '{}')",
                             "slipway.fold_outcomes(1)", "slipway.release_usage('{u-2}', '{1}', false)"}) {
      EXPECT_EQ(as(role).fails_with(std::string("SELECT ") + call), "42501") << role << " " << call;
    }
  }
}

}  // namespace
}  // namespace slipway::test

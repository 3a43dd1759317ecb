// docs/sql.md says nothing that was not executed: its SQL runs here, block by block, as the role each block
// names; its other code is part of a file that examples_dockertest runs. So does what docs/operations/data.md
// says of erasing.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "test/support/postgres_server/postgres_server.h"

namespace slipway::test {
namespace {

std::string read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/" + path).rdbuf();
  return text.str();
}

struct Block {
  std::string language, head, body;
};

// Fenced code: its language, its first line, the rest.
std::vector<Block> blocks(const std::string& page = "docs/sql.md") {
  std::vector<Block> all;
  std::istringstream lines(read(page));
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) all.push_back({line.substr(3), "", ""});
    } else if (inside && all.back().head.empty()) {
      all.back().head = line;
    } else if (inside) {
      all.back().body += line + "\n";
    }
  }
  return all;
}

TEST(SqlDocs, EveryStatementRunsAsTheRoleItNames) {
  auto& server = PostgresServer::shared();
  const auto owner = server.create_migrated_database();
  Sql(owner).exec(
      R"(INSERT INTO slipway.agents (name, spec) VALUES ('momentum', '{"image": "momentum:1"}'))");
  int ran = 0;
  for (const auto& block : blocks()) {
    if (block.language != "sql") continue;
    ASSERT_TRUE(block.head.starts_with("-- as ")) << block.head;
    const auto role = block.head.substr(6, block.head.find(':') - 6);
    auto url = owner;
    if (role != "the owner") url.replace(url.find("postgres@"), 8, role);
    EXPECT_NO_THROW(Sql(url).exec(block.body)) << block.head << "\n" << block.body;
    ++ran;
  }
  EXPECT_EQ(ran, 5);
}

/// Every table with a column of users, and how many rows name this one.
std::map<std::string, std::string> rows_of(Sql& sql, const std::string& user) {
  std::map<std::string, std::string> found;
  for (const auto& row : sql.query(
           "SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING "
           "(table_schema, table_name) "
           "WHERE c.table_schema = 'slipway' AND c.column_name = 'user_id' AND t.table_type = 'BASE TABLE'"))
    found[*row[0]] = sql.value("SELECT count(*) FROM slipway." + *row[0] + " WHERE user_id = $1", {user});
  return found;
}

TEST(DataDocs, NothingOfAUserIsLeftAndNothingOfOthersGoes) {
  Sql sql(PostgresServer::shared().create_migrated_database());
  for (const std::string user : {"u-42", "u-43"}) {
    sql.exec(
        "INSERT INTO slipway.agents (name, spec) VALUES ('a', '{\"image\": \"a:1\"}') ON CONFLICT DO NOTHING;"
        "INSERT INTO slipway.entitlements (user_id, agent) VALUES ('" +
        user +
        "', 'a');"
        "INSERT INTO slipway.quotas (user_id) VALUES ('" +
        user +
        "');"
        "INSERT INTO slipway.submitter_users (role_name, user_id) VALUES ('r', '" +
        user +
        "');"
        "INSERT INTO slipway.api_tokens (id, sha256, role, user_id) VALUES ('t-" +
        user + "', sha256('" + user + "'), 'user', '" + user +
        "');"
        "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('" +
        user +
        "', 'a', '{}');"
        "INSERT INTO slipway.entitlement_spends (execution_id, user_id, agent) SELECT id, user_id, agent "
        "FROM slipway.executions WHERE user_id = '" +
        user +
        "';"
        "INSERT INTO slipway.execution_events (execution_id, stage, reason) SELECT id, 'New', 'Queued' FROM "
        "slipway.executions WHERE user_id = '" +
        user +
        "';"
        "INSERT INTO slipway.user_usage (user_id) VALUES ('" +
        user + "') ON CONFLICT DO NOTHING");
  }
  const auto others = rows_of(sql, "u-43");
  const auto all = blocks("docs/operations/data.md");
  ASSERT_EQ(all.size(), 3U);
  sql.exec(all[0].body);
  EXPECT_THROW(sql.exec(all[1].body), SqlError) << "it has not ended";
  sql.exec(
      "BEGIN; SELECT set_config('slipway.controller', 'on', true); UPDATE slipway.executions SET stage = "
      "'Finished', "
      "status = 'FAILED', reason = 'Cancelled', finished_at = now() WHERE user_id = 'u-42'; COMMIT");
  sql.exec(all[1].body);
  sql.exec(all[2].body);
  for (const auto& [table, rows] : rows_of(sql, "u-42")) EXPECT_EQ(rows, "0") << table;
  EXPECT_EQ(rows_of(sql, "u-43"), others);
  EXPECT_EQ(sql.value("SELECT count(*) FROM slipway.execution_events"), "1");
  for (const auto& [table, rows] : others)
    EXPECT_TRUE(rows == "1" || table == "outcomes") << table << " " << rows;
}

TEST(SqlDocs, OtherCodeIsPartOfAnExampleThatIsRun) {
  int found = 0;
  for (const auto& block : blocks()) {
    const auto at = block.head.find("test/examples/");
    if (at == std::string::npos) continue;
    EXPECT_NE(read(block.head.substr(at)).find(block.body), std::string::npos) << block.head << "\n"
                                                                               << block.body;
    ++found;
  }
  EXPECT_EQ(found, 4);
}

}  // namespace
}  // namespace slipway::test

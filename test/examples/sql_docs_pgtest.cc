// docs/sql.md says nothing that was not executed: its SQL runs here, block by block, as the role each block
// names; its other code is part of a file that examples_dockertest runs.
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
std::vector<Block> blocks() {
  std::vector<Block> all;
  std::istringstream lines(read("docs/sql.md"));
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
  EXPECT_EQ(ran, 4);
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

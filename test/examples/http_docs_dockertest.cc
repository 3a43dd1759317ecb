// The commands of docs/http.md, run by a shell in their order against a real slipwayd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "test/support/command/command.h"
#include "test/support/house/house.h"

namespace slipway::test {
namespace {

using nlohmann::json;

std::vector<std::string> shell_blocks() {
  std::ifstream page(std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/docs/http.md");
  std::vector<std::string> all;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      inside = !inside && line == "```sh";
      if (inside) all.emplace_back();
    } else if (inside) {
      all.back() += line + "\n";
    }
  }
  return all;
}

TEST(HttpDocs, EveryCommandRunsAsItIsWritten) {
  House house;
  house.agent("momentum", "echo reading; cp /input/input.json /output/result.json");
  house.sql().exec(
      "INSERT INTO slipway.entitlements (user_id, agent) VALUES ('u-42', 'momentum') ON CONFLICT DO NOTHING");
  std::map<std::string, std::string> environment = {
      {"SLIPWAY_DATABASE_URL", house.database_url()},
      {"SLIPWAY", "http://127.0.0.1:" + std::to_string(house.daemon().port())},
      {"PATH", std::string(std::getenv("SLIPWAY_BUILD_DIR")) + "/cmd/slipway:" + std::getenv("PATH")}};
  const auto shell = [&](const std::string& commands) {
    const auto ran = run({"bash", "-euc", commands}, environment);
    EXPECT_EQ(ran.exit_code, 0) << commands << ran.out << ran.err;
    return ran.out;
  };
  const auto blocks = shell_blocks();
  ASSERT_EQ(blocks.size(), 5U);
  const auto token = shell(blocks[0]);
  environment["TOKEN"] = token.substr(0, token.find('\n'));
  const auto made = json::parse(shell(blocks[1]), nullptr, false);
  ASSERT_TRUE(made.is_object());
  EXPECT_EQ(made["status"]["status"], "COMPLETED") << made.dump();
  EXPECT_EQ(made["status"]["output"]["symbol"], "ETH");
  environment["ID"] = made["metadata"]["uid"];
  std::istringstream lines(blocks[2]);
  std::vector<std::string> answers;
  for (std::string line; std::getline(lines, line);) answers.push_back(shell(line));
  ASSERT_EQ(answers.size(), 5U);
  EXPECT_EQ(json::parse(answers[0])["metadata"]["uid"], environment["ID"]);
  EXPECT_EQ(json::parse(answers[1])["symbol"], "ETH");
  EXPECT_GE(json::parse(answers[2])["total"], 4);
  EXPECT_EQ(json::parse(answers[3])["total"], 1);
  EXPECT_EQ(json::parse(answers[4])["code"], "Conflict");
  EXPECT_EQ(json::parse(shell(blocks[3]))["items"][0]["what"], "created");
  const auto logs = shell(blocks[4]);
  EXPECT_THAT(logs, testing::HasSubstr("reading\n"));
  EXPECT_THAT(logs, testing::HasSubstr("event: end"));
  EXPECT_EQ(shell("slipway --server $SLIPWAY --token $TOKEN logs -f $ID"), "reading\n");
  EXPECT_EQ(
      shell("slipway --server $SLIPWAY --token $TOKEN wait --for=condition=Finished batch-1 --timeout=30s"),
      "execution/batch-1 condition met\n");
}

}  // namespace
}  // namespace slipway::test

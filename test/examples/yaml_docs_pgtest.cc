// docs/yaml.md says nothing that was not executed: its files are written into one directory, its commands run
// there one after the other, and what they print is compared line by line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "test/support/command/command.h"
#include "test/support/postgres_server/postgres_server.h"

namespace slipway::test {
namespace {

namespace fs = std::filesystem;

struct Block {
  std::string language;
  std::vector<std::string> lines;
};

// The page's fenced blocks.
std::vector<Block> blocks() {
  std::vector<Block> all;
  std::ifstream page(std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/docs/yaml.md");
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
      if (inside) all.push_back({line.substr(3), {}});
    } else if (inside) {
      all.back().lines.push_back(line);
    }
  }
  return all;
}

struct Step {
  std::string command;
  std::string output;
};

std::vector<Step> steps(const Block& block) {
  std::vector<Step> all;
  for (const auto& line : block.lines) {
    if (line.starts_with("$ ")) {
      all.push_back({line.substr(2), ""});
    } else if (!all.empty()) {
      all.back().output += line + "\n";
    }
  }
  return all;
}

// "…" stands for what differs from run to run.
bool fits(const std::string& printed, const std::string& expected) {
  const auto at = expected.find("…");
  if (at == std::string::npos) return printed == expected;
  const auto tail = expected.substr(at + std::string_view("…").size());
  return printed.starts_with(expected.substr(0, at)) && printed.ends_with(tail);
}

class YamlDocs : public testing::Test {
 protected:
  YamlDocs() {
    char name[] = "/tmp/slipway-docs-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~YamlDocs() override { fs::remove_all(directory_); }

  void write(const Block& block) {
    ASSERT_TRUE(block.lines.at(0).starts_with("# ")) << block.lines.at(0);
    std::ofstream file(directory_ / block.lines[0].substr(2));
    for (const auto& line : block.lines) file << line << "\n";
  }
  std::string printed_by(const std::string& command) {
    const auto path = fs::path(built("cmd/slipway/slipway")).parent_path().string();
    const auto script =
        "cd " + directory_.string() + " && PATH=" + path + ":$PATH && { " + command + "; } 2>&1";
    return run({"/bin/sh", "-c", script}, {{"SLIPWAY_DATABASE_URL", url_}, {"USER", "u-42"}}).out;
  }

  std::string url_ = PostgresServer::shared().create_migrated_database();
  fs::path directory_;
};

TEST_F(YamlDocs, EveryFileAndCommandDoesWhatThePageSays) {
  int ran = 0;
  for (const auto& block : blocks()) {
    if (block.language == "yaml") write(block);
    if (block.language != "console") continue;
    for (const auto& [command, output] : steps(block)) {
      const auto printed = printed_by(command);
      EXPECT_TRUE(fits(printed, output)) << "$ " << command << "\n"
                                         << printed << "--- the page says\n"
                                         << output;
      ++ran;
    }
  }
  EXPECT_EQ(ran, 19);
}

TEST(YamlDocsFit, ADifferenceIsSeen) {
  EXPECT_TRUE(fits("execution/nightly-x created\n", "execution/nightly-… created\n"));
  EXPECT_FALSE(fits("execution/nightly-x refused\n", "execution/nightly-… created\n"));
  EXPECT_FALSE(fits("a\n", "b\n"));
}

}  // namespace
}  // namespace slipway::test

// docs/command.md says nothing that was not run: its examples are, here, and its table is part of the
// habits'.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <sstream>

#include "test/cmd/habits.h"
#include "test/cmd/shop.h"

namespace slipway::test {
namespace {

std::vector<std::string> lines_of_page() {
  std::ifstream page(std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/docs/command.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(page, line);) lines.push_back(line);
  return lines;
}

struct Example {
  std::string line, answer;
};

// The console blocks: a line behind "$ ", and what it answers.
std::vector<Example> examples() {
  std::vector<Example> all;
  bool inside = false;
  for (const auto& line : lines_of_page()) {
    if (line.starts_with("```")) {
      inside = line == "```console";
    } else if (inside && line.starts_with("$ ")) {
      all.push_back({line.substr(2), ""});
    } else if (inside) {
      all.back().answer += line + "\n";
    }
  }
  return all;
}

std::string ageless(const std::string& text) {
  return std::regex_replace(text, std::regex("[0-9]+s\n"), "0s\n");
}

TEST(CommandDocs, EachExampleAnswersAsThePageSays) {
  // Of two ways to the same rows, for the examples that name the server.
  Shop shop(Way::Http);
  shop.set("SERVER", "http://127.0.0.1:" + std::to_string(shop.server().port()));
  shop.write("token", shop.server().token_of("user", "u-42") + "\n");
  shop.set("SLIPWAY_SERVER", "");
  shop.set("SLIPWAY_DATABASE_URL", shop.url());
  shop.speak_with("");
  const auto all = examples();
  for (const auto& [line, answer] : all) {
    const auto ran = shop.run(line);
    EXPECT_EQ(ageless(ran.out + ran.err), ageless(answer)) << line;
  }
  EXPECT_EQ(all.size(), 12U);
}

TEST(CommandDocs, TheTableOfHabitsIsTheOneThatIsTested) {
  int rows = 0, differing = 0;
  for (const auto& line : lines_of_page()) {
    if (!line.starts_with("| `slipway ")) continue;
    const auto habit = line.substr(3, line.find('`', 3) - 3);
    ++rows;
    EXPECT_TRUE(std::ranges::any_of(habits(), [&](const Habit& row) { return row.line == habit; })) << habit;
    differing += !line.ends_with("| |");
  }
  EXPECT_GE(rows, 29);
  EXPECT_LE(differing, 4);
  std::cout << "the page's table: " << rows << " rows, " << differing
            << " of them with one of the differences\n";
}

}  // namespace
}  // namespace slipway::test

// docs/operations/bounds.md names settings that there are.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "cmd/slipwayd/config.h"

namespace slipway {
namespace {

/// What stands between backquotes in the last column of its table.
std::set<std::string> settings_named() {
  std::ifstream page(std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/docs/operations/bounds.md");
  std::set<std::string> keys;
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| ") || !line.ends_with("|")) continue;
    const auto cell = line.substr(line.rfind('|', line.size() - 2));
    const auto begin = cell.find('`');
    if (begin != std::string::npos)
      keys.insert(cell.substr(begin + 1, cell.find('`', begin + 1) - begin - 1));
  }
  return keys;
}

/// As a flag: "--start-patience".
std::string flag_of(std::string key) {
  for (char& c : key) {
    if (c == '.' || c == '_') c = '-';
  }
  return "--" + key;
}

TEST(Bounds, EverySettingTheyNameExists) {
  const char* help[] = {"slipwayd", "--help"};
  const auto printed = read_config(2, help);
  ASSERT_TRUE(printed) << printed.error().message;
  const auto* text = std::get_if<Printed>(&*printed);
  ASSERT_NE(text, nullptr);
  const auto keys = settings_named();
  EXPECT_THAT(keys, testing::IsSupersetOf({"start_patience", "engine_patience", "pull_timeout", "lease"}));
  for (const auto& key : keys) EXPECT_THAT(text->text, testing::HasSubstr(flag_of(key) + " ")) << key;
}

}  // namespace
}  // namespace slipway

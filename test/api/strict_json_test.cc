#include "api/json_schema/strict_json.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

TEST(StrictJson, AcceptsWhatEveryReaderUnderstandsAlike) {
  for (const char* text : {"{}", "[]", "null", "1e308", "1e-16383", "\"\\u00e9\"",
                           R"({"a":{"a":1},"b":[{"a":2}]})", " [1, 2]\n"}) {
    EXPECT_EQ(check_strict_json(text), "") << text;
  }
}

TEST(StrictJson, SaysWhatIsWrong) {
  const std::string deep(65, '[');
  const std::pair<std::string, std::string> cases[] = {
      {"", "not valid JSON at byte 1"},
      {"{} {}", "not valid JSON at byte 4"},
      {R"({"a":1,"b":2,"a":3})", "the key \"a\" stands twice in one object"},
      {R"(["\u0000"])", "a string with a NUL character"},
      {std::string("[\"\0\"]", 5), "not valid JSON at byte 3"},
      {"\"\xff\"", "not valid JSON at byte 2"},
      {"\xEF\xBB\xBF{}", "a byte order mark before the JSON"},
      {"1e131071", "a number out of range at byte 8"},
      {"\"\\ud800\"", "not valid JSON at byte 8"},
      {"NaN", "not valid JSON at byte 1"},
      {std::string("{\"ok\":true}\0", 12), "not valid JSON at byte 12"},
      {std::string("1\0", 2), "not valid JSON at byte 2"},
      {std::string("{}\0{", 4), "not valid JSON at byte 3"},
      {"1e-16384", "a number with more than 16383 decimals"},
      {"0.5e-99999999999999999999", "a number with more than 16383 decimals"},
      {deep, "nested deeper than 64 levels"},
  };
  for (const auto& [text, problem] : cases) EXPECT_EQ(check_strict_json(text), problem) << text;
}

TEST(StrictJson, ALongKeyIsQuotedWithNoCharacterCut) {
  for (int before = 40; before < 70; ++before) {
    const auto key = std::string(static_cast<std::size_t>(before), 'a') + "\xC3\xA9";
    const auto problem = check_strict_json("{\"" + key + "\":1,\"" + key + "\":2}");
    EXPECT_TRUE(problem.ends_with(" stands twice in one object")) << problem;
    EXPECT_EQ(check_strict_json("\"" + problem.substr(9, problem.rfind('"') - 9) + "\""), "") << problem;
  }
}

TEST(StrictJson, AHundredThousandLevelsAreRefusedWithoutRecursion) {
  EXPECT_EQ(check_strict_json(std::string(100'000, '[')), "nested deeper than 64 levels");
}

}  // namespace
}  // namespace slipway

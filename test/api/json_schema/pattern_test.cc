#include "api/json_schema/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/json_schema/limits.h"

namespace slipway::json_schema {
namespace {

using testing::HasSubstr;

bool matches(const std::string& pattern, std::string_view text) {
  const auto made = Pattern::compile(pattern, kMostPatternMemory);
  EXPECT_EQ(made.problem, "") << pattern;
  return made.problem.empty() && made.pattern.matches(text);
}

struct Case {
  const char* pattern;
  std::string_view text;
};

TEST(Pattern, MeansWhatEcma262Says) {
  const Case cases[] = {{"a", "cat"},
                        {"", ""},
                        {"^a$", "a"},
                        {R"(^\d+$)", "42"},
                        {R"(^\w\W$)", "a!"},
                        {R"(^\s$)", "\u00a0"},
                        {R"(^\s$)", "\ufeff"},
                        {R"(^[\s]$)", "\u2028"},
                        {R"(^[\S]$)", "x"},
                        {R"(^\S$)", "\u00e9"},
                        {R"(^\cJ$)", "\n"},
                        {R"(^\cc$)", "\x03"},
                        {R"(^\x41\u0042\u{1F432}$)", "AB\U0001F432"},
                        {R"(^\uD83D\uDC32*$)", "\U0001F432\U0001F432"},
                        {R"(^\p{Letter}+$)", "\u00e9cole"},
                        {R"(^\p{Lu}\P{Lu}$)", "Aa"},
                        {R"(^[\p{Nd}x]+$)", "1x\u0663"},
                        {R"(^\p{Script=Greek}$)", "\u03b1"},
                        {R"(^\p{sc=Latin}$)", "a"},
                        {R"(^\p{gc=Decimal_Number}$)", "7"},
                        {R"(^\p{ASCII}$)", "~"},
                        {R"(^\p{digit}$)", "7"},
                        {"^[^]$", "\n"},
                        {"^[a-c-e]+$", "b-e"},
                        {"^[-a]$", "-"},
                        {"^[a-]$", "-"},
                        {R"(^[\d-x]+$)", "1-x"},
                        {"^[[:]$", "["},
                        {R"(^[\b]$)", "\b"},
                        {R"(\bcat\b)", "a cat"},
                        {"^a{2}$", "aa"},
                        {"^a{2,}?$", "aaaa"},
                        {"^a{,2}$", "a{,2}"},
                        {"^{$", "{"},
                        {"^]}$", "]}"},
                        {R"(^\/\-\.$)", "/-."},
                        {"^(?<year>[0-9]{4})$", "2024"},
                        {"^(?:a|b)+$", "ab"},
                        {"^.$", "\U0001F432"},
                        {"^.$", "\u00e9"},
                        {R"(^\0$)", {"\0", 1}},
                        {"^\u00e9$", "\u00e9"},
                        {"^[\u00e0-\u00ff]$", "\u00e9"},
                        {"&&", "&&"},
                        {R"(^[\w.]+@[\w.]+$)", "a.b@c"}};
  for (const auto& one : cases)
    EXPECT_TRUE(matches(one.pattern, one.text)) << one.pattern << " on " << one.text;
}

TEST(Pattern, MeansNoMoreThanThat) {
  const Case cases[] = {{"^a$", "a\n"},        {"^a$", "b\na"},       {"^.$", "\n"},
                        {"^.$", "\u2028"},     {R"(^\d$)", "\u0663"}, {R"(^\w$)", "\u00e9"},
                        {"[]", "a"},           {R"(^\s$)", "\u200b"}, {R"(^[\S]$)", "\u3000"},
                        {R"(^\S$)", "\ufeff"}, {R"(^\p{Lu}$)", "a"},  {R"(^\P{ASCII}$)", "a"},
                        {R"(a\b)", "ab"}};
  for (const auto& one : cases)
    EXPECT_FALSE(matches(one.pattern, one.text)) << one.pattern << " on " << one.text;
}

TEST(Pattern, RefusesWhatCannotBeTranslated) {
  const std::pair<const char*, const char*> cases[] = {{"(?=a)", "looks ahead"},
                                                       {"(?!a)", "looks ahead"},
                                                       {"(?<=a)", "behind"},
                                                       {"(?<!a)", "behind"},
                                                       {R"((a)\1)", "refers back"},
                                                       {R"((?<n>a)\k<n>)", "refers back"},
                                                       {"(?i)a", "kind of group"},
                                                       {"[a", "bracket"},
                                                       {"(a", "parentheses"},
                                                       {"a)", "parentheses"},
                                                       {"*a", "repeats"},
                                                       {"a**", "repeats"},
                                                       {"[z-a]", "from high to low"},
                                                       {R"(\u12)", "escape \\u"},
                                                       {R"(\uD83D)", "surrogate"},
                                                       {R"(\c1)", "escape \\c"},
                                                       {R"(\x1)", "escape \\x"},
                                                       {R"(\p{Nonsense})", "class of characters"},
                                                       {R"(\p{Script=Nonsense})", "class of characters"},
                                                       {R"(\pL)", "escape \\p"},
                                                       {R"(\a)", "escape"},
                                                       {"a\\", "backslash"},
                                                       {"\xff", "UTF-8"},
                                                       {"a{1001}", "1000"},
                                                       {R"(\u{110000})", "escape \\u"}};
  for (const auto& [pattern, problem] : cases) {
    const auto made = Pattern::compile(pattern, kMostPatternMemory);
    EXPECT_THAT(made.problem, HasSubstr(problem)) << pattern;
    EXPECT_THAT(made.problem, HasSubstr("the pattern \"")) << pattern;
  }
}

}  // namespace
}  // namespace slipway::json_schema

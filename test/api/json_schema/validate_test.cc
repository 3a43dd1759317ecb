// What users read when a value does not fit. Which values fit is the official suite's business.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "api/json_schema/json_schema.h"

namespace slipway::json_schema {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> problems(const char* schema, const char* instance) {
  const auto compiled = compile_text(schema);
  if (compiled.schema == nullptr) return {"refused: " + compiled.problems.at(0).message};
  std::vector<std::string> found;
  for (const auto& problem : validate_text(*compiled.schema, instance).problems)
    found.push_back(problem.instance + " " + problem.schema + " " + problem.message);
  return found;
}

TEST(Validate, SaysWhereAndWhatWasExpected) {
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {R"({"type":"string"})", "5", " /type expected a string, got 5"},
      {R"({"type":["string","null"]})", "{}", " /type expected null or a string, got an object"},
      {R"({"type":"integer"})", "1.5", " /type expected a whole number, got 1.5"},
      {R"({"enum":["a",1]})", "2", R"( /enum expected one of "a", 1, got 2)"},
      {R"({"const":"a"})", "[1]", R"( /const expected "a", got a list of 1)"},
      {R"({"minimum":3})", "2", " /minimum expected at least 3, got 2"},
      {R"({"exclusiveMaximum":3})", "3", " /exclusiveMaximum expected less than 3, got 3"},
      {R"({"multipleOf":0.01})", "0.015", " /multipleOf expected a multiple of 0.01, got 0.015"},
      {R"({"minLength":2})", "\"\u00e9\"", " /minLength expected at least 2 characters, got 1"},
      {R"({"maxItems":1})", "[1,2]", " /maxItems expected at most 1 item, got 2"},
      {R"({"minProperties":2})", "{}", " /minProperties expected at least 2 properties, got 0"},
      {R"({"pattern":"^a"})", "\"b\"", R"( /pattern expected a string that matches "^a", got "b")"},
      {R"({"uniqueItems":true})", "[1,2,1.0]",
       " /uniqueItems expected no item twice, but items 0 and 2 are equal"},
      {R"({"contains":{"const":1}})", "[]",
       " /contains expected at least 1 item of the kind asked for, got 0"},
      {R"({"required":["a"]})", "{}", R"( /required the property "a" is required)"},
      {R"({"dependentRequired":{"a":["b"]}})", R"({"a":1})",
       R"( /dependentRequired the property "b" is required where "a" is given)"},
      {R"({"additionalProperties":false})", R"({"a/b~":1})",
       "/a~1b~0 /additionalProperties is not allowed here"},
      {R"({"unevaluatedProperties":false})", R"({"a":1})", "/a /unevaluatedProperties is not allowed here"},
      {R"({"prefixItems":[true],"items":false})", "[1,2]", "/1 /items is not allowed here"},
      {R"({"anyOf":[{"type":"string"},{"minimum":1}]})", "0",
       " /anyOf expected a value that fits at least one of 2 alternatives, got 0"},
      {R"({"oneOf":[true,true]})", "0",
       " /oneOf expected a value that fits exactly one of 2 alternatives, but it fits more than one"},
      {R"({"not":{"type":"null"}})", "null", " /not expected a value of another kind than null"},
      {R"({"items":{"$ref":"#/$defs/a"},"$defs":{"a":{"type":"null"}}})", "[0]",
       "/0 /$defs/a/type expected null, got 0"},
  };
  for (const auto& [schema, instance, problem] : cases)
    EXPECT_THAT(problems(schema, instance), ElementsAre(problem)) << schema;
}

TEST(Validate, ReportsAllThatIsWrongButNothingTwice) {
  EXPECT_THAT(
      problems(R"({"properties":{"a":{"type":"string"}},"required":["b"],"unevaluatedProperties":false})",
               R"({"a":1})"),
      ElementsAre(" /required the property \"b\" is required",
                  "/a /properties/a/type expected a string, got 1"));
  std::string many = "[1";
  for (int i = 0; i < 50; ++i) many += ",1";
  EXPECT_EQ(problems(R"({"items":{"type":"null"}})", (many + "]").c_str()).size(), 20U);
}

TEST(Validate, QuotesStrangersWordsShortAndEscaped) {
  EXPECT_THAT(problems(R"({"type":"null"})", R"("\u001b[31mred\nline")"),
              ElementsAre(R"( /type expected null, got "\u001b[31mred\nline")"));
  const auto lengthy = "\"" + std::string(46, 'x') + "\u00e9\u00e9\u00e9\"";
  EXPECT_THAT(problems(R"({"type":"null"})", lengthy.c_str()),
              ElementsAre(" /type expected null, got \"" + std::string(46, 'x') + "\\u00e9\"..."));
}

TEST(Validate, TakesFormatAsAnAnnotation) {
  EXPECT_THAT(problems(R"({"format":"email"})", "\"no address\""), IsEmpty());
  EXPECT_THAT(
      problems(R"({"$schema":"http://json-schema.org/draft-07/schema#","format":"date"})", "\"never\""),
      IsEmpty());
}

TEST(Validate, HearsOfEveryAlternativeWhenSomethingIsUnevaluated) {
  const char* schema =
      R"({"anyOf":[{"properties":{"a":true}},{"properties":{"b":true}}],"unevaluatedProperties":false})";
  EXPECT_THAT(problems(schema, R"({"a":1,"b":2})"), IsEmpty());
  EXPECT_THAT(problems(schema, R"({"a":1,"c":2})"),
              ElementsAre("/c /unevaluatedProperties is not allowed here"));
}

TEST(Validate, FollowsASchemaThatContainsItself) {
  const char* tree =
      R"({"properties":{"children":{"items":{"$ref":"#"}},"name":{"type":"string"}},"required":["name"]})";
  EXPECT_THAT(problems(tree, R"({"name":"a","children":[{"name":"b","children":[{"name":"c"}]}]})"),
              IsEmpty());
  EXPECT_THAT(problems(tree, R"({"name":"a","children":[{"name":"b","children":[{"name":1}]}]})"),
              ElementsAre("/children/0/children/0/name /properties/name/type expected a string, got 1"));
}

TEST(Validate, RefusesWhatIsNotStrictJson) {
  EXPECT_THAT(problems("true", R"({"a":1,"a":2})"),
              ElementsAre("  the key \"a\" stands twice in one object"));
}

TEST(Validate, OneSchemaServesManyThreads) {
  const auto compiled =
      compile_text(R"({"items":{"pattern":"^(a|b)*$"},"unevaluatedItems":false,"uniqueItems":true})");
  ASSERT_NE(compiled.schema, nullptr);
  const auto work = [&compiled] {
    for (int i = 0; i < 200; ++i) {
      EXPECT_TRUE(validate_text(*compiled.schema, R"(["a","ab","abba"])").valid);
      EXPECT_FALSE(validate_text(*compiled.schema, R"(["a","c"])").valid);
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace slipway::json_schema

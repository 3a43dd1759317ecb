// What is refused when a schema is compiled, with its place and a sentence.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/json_schema/json_schema.h"

namespace slipway::json_schema {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string refusal(const char* schema) {
  const auto compiled = compile_text(schema);
  if (compiled.schema != nullptr) return "accepted";
  EXPECT_FALSE(compiled.problems.empty());
  return compiled.problems[0].schema + ": " + compiled.problems[0].message;
}

TEST(Compile, RefusesKeywordsOfTheWrongType) {
  const std::pair<const char*, const char*> cases[] = {
      {"5", ": expected a schema (an object, true or false), got 5"},
      {R"({"type":"text"})",
       "/type: expected null, boolean, integer, number, string, array or object, or a list of these, got "
       "\"text\""},
      {R"({"type":[]})", "/type: expected null, boolean"},
      {R"({"properties":{"a/b":{"minLength":-1}}})",
       "/properties/a~1b/minLength: expected a whole number of 0 or more, got -1"},
      {R"({"maxItems":"3"})", "/maxItems: expected a whole number"},
      {R"({"minimum":"3"})", "/minimum: expected a number, got \"3\""},
      {R"({"multipleOf":0})", "/multipleOf: expected a number above 0, got 0"},
      {R"({"enum":5})", "/enum: expected a list of values"},
      {R"({"required":"a"})", "/required: expected a list of property names"},
      {R"({"required":[1]})", "/required: expected property names, got 1"},
      {R"({"properties":[]})", "/properties: expected an object"},
      {R"({"properties":{"a":1}})", "/properties/a: expected a schema"},
      {R"({"allOf":[]})", "/allOf: expected a list of at least one schema"},
      {R"({"allOf":{"a":1}})", "/allOf: expected a list of at least one schema"},
      {R"({"items":[{}]})",
       "/items: expected one schema; a list of schemas is called prefixItems in 2020-12"},
      {R"({"uniqueItems":1})", "/uniqueItems: expected true or false"},
      {R"({"pattern":5})", "/pattern: expected a string"},
      {R"j({"$defs":{"a":{"pattern":"(?=x)"}}})j",
       "/$defs/a/pattern: the pattern \"(?=x)\" looks ahead or behind"},
      {R"({"patternProperties":{"[":{}}})", "/patternProperties/[: the pattern \"[\" has a bracket"},
      {R"({"dependentRequired":{"a":"b"}})", "/dependentRequired: expected a list of property names"},
  };
  for (const auto& [schema, problem] : cases) EXPECT_THAT(refusal(schema), HasSubstr(problem)) << schema;
}

TEST(Compile, RefusesWhatIsNotStrictJson) {
  EXPECT_EQ(refusal("{"), ": not valid JSON at byte 2");
  EXPECT_EQ(refusal(R"({"type":"null","type":"string"})"), ": the key \"type\" stands twice in one object");
}

TEST(Compile, TakesTheDialectFromTheSchema) {
  EXPECT_EQ(refusal(R"({"$schema":"https://json-schema.org/draft/2020-12/schema"})"), "accepted");
  EXPECT_EQ(refusal(R"({"$schema":"http://json-schema.org/draft-07/schema","items":[{}]})"), "accepted");
  EXPECT_THAT(
      refusal(R"({"$schema":"http://json-schema.org/draft-04/schema#"})"),
      HasSubstr(
          "/$schema: expected \"https://json-schema.org/draft/2020-12/schema\" or "
          "\"http://json-schema.org/draft-07/schema#\", got \"http://json-schema.org/draft-04/schema#\""));
  EXPECT_THAT(refusal(R"({"$schema":7})"), HasSubstr("/$schema: expected a URI, got 7"));
}

TEST(Compile, RefusesReferencesThatLeadNowhere) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"$ref":"http://example.com/a.json"})",
       "/$ref: \"http://example.com/a.json\" leads outside this schema, and nothing is fetched"},
      {R"({"$ref":"file:///etc/passwd"})", "leads outside this schema"},
      {R"({"$ref":"other.json"})", "leads outside this schema"},
      {R"({"$ref":"#/$defs/a"})", "/$ref: \"#/$defs/a\" leads to nothing"},
      {R"({"$ref":"#a"})", "/$ref: \"#a\" leads to no $anchor"},
      {R"({"$dynamicRef":"#a"})", "/$dynamicRef: \"#a\" leads to no $anchor"},
      {R"({"$ref":":"})", "/$ref: expected a URI reference, got \":\""},
      {R"({"$ref":"# "})", "/$ref: expected a URI reference"},
      {R"({"$ref":"#/title","title":"x"})", "/title: expected a schema"},
      {R"({"$ref":5})", "/$ref: expected a string, got 5"},
      {R"({"$id":"a#b"})", "/$id: must not have a fragment"},
      {R"({"$anchor":"1"})", "/$anchor: expected a name"},
      {R"({"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}})",
       "/$defs/b/$anchor: the name \"x\" is used twice"},
      {R"({"$defs":{"a":{"$id":"x"},"b":{"$id":"x"}}})", "is used twice"},
  };
  for (const auto& [schema, problem] : cases) EXPECT_THAT(refusal(schema), HasSubstr(problem)) << schema;
}

TEST(Compile, CollectsEveryProblemUpToTheCap) {
  const auto two = compile_text(R"({"minLength":-1,"maxLength":-2})");
  EXPECT_EQ(two.problems.size(), 2U);
  json many = json::object();
  for (int i = 0; i < 100; ++i) many["properties"]["p" + std::to_string(i)]["type"] = "x";
  EXPECT_EQ(compile(many).problems.size(), 20U);
}

TEST(Compile, MayReferToTheMetaschemasAndToGivenDocuments) {
  const auto any_schema = compile_text(R"({"$ref":"https://json-schema.org/draft/2020-12/schema"})");
  ASSERT_NE(any_schema.schema, nullptr);
  EXPECT_TRUE(validate_text(*any_schema.schema, R"({"properties":{"a":{"type":"string"}}})").valid);
  EXPECT_FALSE(validate_text(*any_schema.schema, R"({"properties":{"a":{"type":"text"}}})").valid);
  Documents documents;
  documents["https://example.com/port"] = json::parse(R"({"type":"integer","maximum":65535})");
  const auto port =
      compile(json::parse(R"({"$id":"https://example.com/","items":{"$ref":"port"}})"), documents);
  ASSERT_NE(port.schema, nullptr);
  const auto verdict = validate_text(*port.schema, "[80,65536]");
  ASSERT_EQ(verdict.problems.size(), 1U);
  EXPECT_EQ(verdict.problems[0].schema, "https://example.com/port#/maximum");
  EXPECT_EQ(verdict.problems[0].instance, "/1");
}

}  // namespace
}  // namespace slipway::json_schema

// Schemas and values made to hurt: each is answered or refused within 50 ms, whatever the answer. CMake's
// factor allows more where the compiler was not asked for speed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>

#include <iostream>

#include "api/json_schema/json_schema.h"
#include "api/json_schema/limits.h"

namespace slipway::json_schema {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// Of this thread alone: what else runs on the machine does not matter.
double processor_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

template <class Work>
auto timed(const char* what, Work work, double most = 50) {
  const auto begin = processor_milliseconds();
  auto result = work();
  const auto took = processor_milliseconds() - begin;
  std::cout << "  " << what << ": " << took << " ms\n";
  EXPECT_LT(took, most * SLIPWAY_TIME_FACTOR) << what;
  return result;
}

std::string refusal(const char* what, const std::string& schema) {
  const auto compiled = timed(what, [&] { return compile_text(schema); });
  if (compiled.schema != nullptr) return "accepted";
  return compiled.problems.at(0).schema + ": " + compiled.problems.at(0).message;
}

Verdict answer(const char* what, const std::string& schema, const std::string& instance) {
  const auto compiled =
      timed((std::string(what) + ", compile").c_str(), [&] { return compile_text(schema); });
  EXPECT_NE(compiled.schema, nullptr)
      << what << ": " << (compiled.problems.empty() ? "" : compiled.problems[0].message);
  if (compiled.schema == nullptr) return {};
  const auto value = json::parse(instance);
  return timed((std::string(what) + ", validate").c_str(), [&] { return validate(*compiled.schema, value); });
}

std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

std::string list_of(const std::string& item, int times) {
  auto all = repeat(item + ",", times);
  all.pop_back();
  return "[" + all + "]";
}

/// `rungs` definitions, each made of two of the next: 2^rungs paths.
std::string lattice(int rungs, const std::function<std::string(const std::string&)>& rung) {
  std::string text = R"({"$ref":"#/$defs/d0","$defs":{)";
  for (int i = 0; i < rungs; ++i)
    text += "\"d" + std::to_string(i) +
            "\":" + rung(R"({"$ref":"#/$defs/d)" + std::to_string(i + 1) + "\"}") + ",";
  return text + "\"d" + std::to_string(rungs) + "\":{\"type\":\"object\"}}}";
}

TEST(HostileSchema, LoopsAreRefused) {
  EXPECT_THAT(refusal("itself", R"({"$ref":"#"})"), HasSubstr("without end"));
  EXPECT_THAT(
      refusal("itself, draft 7", R"({"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#"})"),
      HasSubstr("without end"));
  EXPECT_THAT(refusal("each other",
                      R"({"$defs":{"a":{"not":{"$ref":"#/$defs/b"}},"b":{"if":{"$ref":"#/$defs/a"}}}})"),
              HasSubstr("without end"));
}

TEST(HostileSchema, ADynamicLoopIsGivenUp) {
  const auto verdict = answer("dynamic loop", R"({"$dynamicAnchor":"a","$dynamicRef":"#a"})", "1");
  EXPECT_TRUE(verdict.gave_up);
  EXPECT_FALSE(verdict.valid);
  EXPECT_EQ(verdict.problems.size(), 1U);
}

TEST(HostileSchema, ALatticeOfAllOfIsRefused) {
  const auto all_of = [](const std::string& next) { return "{\"allOf\":[" + next + "," + next + "]}"; };
  EXPECT_THAT(refusal("lattice of allOf", lattice(26, all_of)), HasSubstr("applies more than 50000 schemas"));
  EXPECT_THAT(refusal("chain of 3000", lattice(3000, [](const std::string& next) { return next; })),
              HasSubstr("leads through more than 128 schemas"));
}

TEST(HostileSchema, ALatticeThroughPropertiesIsGivenUp) {
  const auto schema = lattice(26, [](const std::string& next) {
    const auto inner = R"({"properties":{"a":)" + next + "}}";
    return "{\"allOf\":[" + inner + "," + inner + "]}";
  });
  EXPECT_TRUE(
      answer("lattice of properties", schema, repeat("{\"a\":", 26) + "{}" + repeat("}", 26)).gave_up);
}

TEST(HostileSchema, ALatticeOfDynamicReferencesIsGivenUp) {
  const auto schema =
      R"({"$dynamicAnchor":"a","properties":{"a":{"allOf":[{"$dynamicRef":"#a"},{"$dynamicRef":"#a"}]}}})";
  EXPECT_TRUE(
      answer("lattice of dynamicRef", schema, repeat("{\"a\":", 40) + "{}" + repeat("}", 40)).gave_up);
}

TEST(HostileSchema, DepthAndSizeAreRefused) {
  const std::string deep(100'000, '[');
  EXPECT_THAT(refusal("100,000 levels", deep), HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(refusal("100,000 nots", repeat("{\"not\":", 30'000)),
              HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(refusal("1 MiB", "{\"title\":\"" + std::string(1 << 20, 'x') + "\"}"),
              HasSubstr("larger than 256 KiB"));
  EXPECT_THAT(refusal("80,000 schemas", "{\"allOf\":" + list_of("{}", 80'000) + "}"),
              HasSubstr("holds more than 40000 values"));
  EXPECT_THAT(refusal("30,000 schemas", "{\"allOf\":" + list_of("true", 30'000) + "}"),
              HasSubstr("holds more than 4096 schemas"));
  EXPECT_THAT(refusal("9 KB of 1e131071", "{\"enum\":" + list_of("1e131071", 1000) + "}"),
              HasSubstr("a number out of range"));
}

TEST(HostileSchema, AValueBuiltDeepIsRefusedWithoutRecursion) {
  json deep = json::array();
  for (int i = 0; i < 100'000; ++i) {
    json outer = json::array();
    outer.push_back(std::move(deep));
    deep = std::move(outer);
  }
  EXPECT_EQ(compile(deep).problems.at(0).message, "nested deeper than 64 levels");
  const auto anything = compile(json(true)).schema;
  EXPECT_EQ(validate(*anything, deep).problems.at(0).message, "nested deeper than 128 levels");
}

TEST(HostilePattern, NestedQuantifiersAreLinear) {
  const auto text = "\"" + std::string(30'000, 'a') + "!\"";
  for (const char* pattern : {"^(a+)+$", "^(a|aa)+$", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*)*b"}) {
    const auto verdict = answer(pattern, R"({"pattern":")" + std::string(pattern) + "\"}", text);
    EXPECT_FALSE(verdict.valid) << pattern;
    EXPECT_FALSE(verdict.gave_up) << pattern;
  }
}

TEST(HostilePattern, WhatNeedsMuchMemoryIsRefused) {
  for (const char* pattern : {"((a{0,100}){0,100}){0,100}", "a{1001}", "(\\\\p{L}|\\\\p{N}){1000}"})
    EXPECT_THAT(refusal(pattern, R"({"pattern":")" + std::string(pattern) + "\"}"),
                HasSubstr("/pattern: the pattern"));
  refusal("8000 parentheses", R"({"pattern":")" + repeat("(", 4000) + repeat(")", 4000) + "\"}");
}

TEST(HostilePattern, ManyPatternsShareTheirMemory) {
  std::string many = R"({"patternProperties":{)";
  for (int i = 0; i < 256; ++i)
    many += (i ? ",\"" : "\"") + std::string("^(a{0,500}){2}x") + std::to_string(i) + "\":{}";
  EXPECT_THAT(refusal("256 large patterns", many + "}}"), HasSubstr("too large together"));
  many.clear();
  for (int i = 0; i < 300; ++i) many += (i ? ",\"" : "\"") + std::to_string(i) + "\":{}";
  EXPECT_THAT(refusal("300 patterns", R"({"patternProperties":{)" + many + "}}"),
              HasSubstr("more than 256 patterns"));
}

TEST(HostilePattern, ALongTextAgainstALargePatternIsBounded) {
  std::string text = "\"";
  std::uint32_t random = 1;
  for (int i = 0; i < 150'000; ++i)
    text += static_cast<char>('a' + ((random = random * 1664525 + 1013904223) >> 24) % 26);
  text += "\"";
  // More states than are kept: RE2 makes them again and again, then walks the program byte by byte.
  EXPECT_FALSE(answer("150 KB, too many states", R"({"pattern":"[a-m][a-z]{14}[0-9]"})", text).gave_up);
  answer("150 KB, many alternatives", R"({"pattern":"^(a|b|c|[d-z]{2}|[a-z]{3})*$"})", text);
  EXPECT_TRUE(
      answer("150 KB, a large program", R"({"pattern":"^(?:[a-y]{1,9}|[b-z]{1,8}){100}$"})", text).gave_up);
}

TEST(HostileValue, DepthAndNumbersAreRefused) {
  const auto anything = compile(json::object()).schema;
  const auto refused = [&](const char* what, const std::string& text) {
    return timed(what, [&] { return validate_text(*anything, text); }).problems.at(0).message;
  };
  EXPECT_THAT(refused("value of 100,000 levels", std::string(100'000, '[')), HasSubstr("nested deeper"));
  EXPECT_THAT(refused("value of 9 KB of 1e131071", list_of("1e131071", 1000)),
              HasSubstr("a number out of range"));
}

TEST(HostileValue, ManyComparisonsAreBounded) {
  std::string numbers = "[0";
  for (int i = 1; i < 20'000; ++i) numbers += "," + std::to_string(i);
  numbers += "]";
  EXPECT_TRUE(answer("20,000 unique items", R"({"uniqueItems":true})", numbers).valid);
  EXPECT_TRUE(
      answer("20,000 items in an enum of 20,000", "{\"items\":{\"enum\":" + numbers + "}}", numbers).valid);
  const auto any = "{\"contains\":{\"anyOf\":" + list_of("{\"type\":\"null\"}", 1000) + "}}";
  EXPECT_TRUE(answer("20,000 items, 1000 alternatives", any, numbers).gave_up);
  const auto names = "{\"items\":{\"required\":" + list_of("\"a\"", 10'000) + "}}";
  EXPECT_TRUE(
      answer("objects without 10,000 names", "{\"not\":" + names + "}", list_of("{\"a\":1}", 5000)).gave_up);
  answer("contains in contains", R"({"contains":{"contains":{"const":1}}})", list_of(list_of("0", 100), 100));
}

TEST(HostileValue, EvaluatedPlacesAreBounded) {
  const auto all = R"({"allOf":)" + list_of(R"({"patternProperties":{"":true}})", 500) +
                   R"(,"unevaluatedProperties":false})";
  std::string object = "{\"k\":0";
  for (int i = 0; i < 5000; ++i) object += ",\"k" + std::to_string(i) + "\":0";
  EXPECT_TRUE(answer("500 × 5000 evaluated", all, object + "}").gave_up);
}

TEST(HostileValue, ReportsStaySmall) {
  const std::string key(200'000, '/');
  const auto text = "{\"" + key + "\":" + list_of("\"" + std::string(1000, '\x7f') + "\"", 100) + "}";
  const auto verdict =
      answer("20 reports under a long key", R"({"additionalProperties":{"items":{"type":"null"}}})", text);
  ASSERT_EQ(verdict.problems.size(), kMostProblems);
  for (const auto& problem : verdict.problems) {
    EXPECT_LT(problem.instance.size(), 1100U);
    EXPECT_LT(problem.message.size(), 400U);
    EXPECT_EQ(problem.message.find('\x7f'), std::string::npos);
  }
}

}  // namespace
}  // namespace slipway::json_schema

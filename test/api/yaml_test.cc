#include "api/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json read(std::string_view text) {
  const auto file = parse_yaml(text, "a.yaml");
  EXPECT_TRUE(file.errors.empty()) << text << "\n"
                                   << (file.errors.empty() ? "" : to_string(file.errors.front()));
  return file.documents.size() == 1 ? file.documents[0].value : json();
}

std::vector<std::string> errors_of(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto& error : parse_yaml(text, "a.yaml").errors) lines.push_back(to_string(error));
  return lines;
}

TEST(Yaml, ScalarsFollowTheCoreSchemaOfYaml12) {
  EXPECT_EQ(read("[no, yes, on, True, FALSE, null, ~, Null, '', 'true', \"3\"]").dump(),
            R"(["no","yes","on",true,false,null,null,null,"","true","3"])");
  EXPECT_EQ(read("[010, 0o10, 0x1F, -7, +7, 1_000, 9223372036854775807, 18446744073709551615, 08]").dump(),
            R"([10,8,31,-7,7,"1_000",9223372036854775807,18446744073709551615,8])");
  EXPECT_EQ(read("[1.5, .5, 1e3, -1.5e-3, 1., 1.2.3, ., e5, 12:30, 2027-01-01]").dump(),
            R"([1.5,0.5,1000.0,-0.0015,1.0,"1.2.3",".","e5","12:30","2027-01-01"])");
  EXPECT_EQ(read("a: !!str 5\nb: |\n  two\n  lines\nc: >-\n  one\n  line\n").dump(),
            R"({"a":"5","b":"two\nlines\n","c":"one line"})");
}

TEST(Yaml, JsonIsYaml) {
  EXPECT_EQ(read(R"({"a":[1,2,{"b":null}],"c":"x\u00e9\ny","d":{}})").dump(),
            R"({"a":[1,2,{"b":null}],"c":"xé\ny","d":{}})");
  const auto large =
      json::object({{"prices", std::vector<int>(20000, 7)}, {"text", std::string(200000, 'x')}});
  EXPECT_EQ(read(large.dump()), large);
  EXPECT_EQ(read(large.dump(2)), large);
}

TEST(Yaml, DocumentsAreSeparatedAndEmptyOnesLeftOut) {
  const auto file = parse_yaml("a: 1\n---\n# nothing\n---\nb: 2\n...\n---\n[3]\n", "a.yaml");
  ASSERT_TRUE(file.errors.empty());
  ASSERT_EQ(file.documents.size(), 3U);
  EXPECT_EQ(file.documents[2].value, json::parse("[3]"));
  EXPECT_TRUE(parse_yaml("", "a.yaml").documents.empty());
  EXPECT_TRUE(parse_yaml("# only a comment\n", "a.yaml").errors.empty());
}

TEST(Yaml, EveryFieldKnowsItsPlace) {
  const auto file = parse_yaml("# é\na:\n  b: [1, {c: 2}]\n  \"x.y\": é\n", "a.yaml");
  const auto& document = file.documents.at(0);
  EXPECT_EQ(document.place_of("a.b[1].c"), (SourcePlace{3, 11}));
  EXPECT_EQ(document.place_of("a.b[0]"), (SourcePlace{3, 7}));
  EXPECT_EQ(document.place_of("a[\"x.y\"]"), (SourcePlace{4, 3}));
  EXPECT_EQ(document.place_of("a.b[1].missing"), (SourcePlace{3, 10}));
  EXPECT_EQ(document.place_of("a.missing"), (SourcePlace{2, 1}));
}

struct Bad {
  const char* text;
  const char* error;
};

// The corpus of malformed files, each with the very line a user reads.
TEST(Yaml, MalformedTextIsRefusedWithFileLineAndColumn) {
  const Bad corpus[] = {
      {"a: 1\na: 2\n", "a.yaml:2:1: a: duplicate key, first given on line 1"},
      {"a: {b: 1, c: 2, b: 3}\n", "a.yaml:1:17: a.b: duplicate key, first given on line 1"},
      {"a: &x 1\n", "a.yaml:1:4: a: anchors are not supported; write the value out"},
      {"a: *x\n", "a.yaml:1:4: not valid YAML: aliases are not supported; write the value out"},
      {"a:\n  <<: {b: 1}\n", "a.yaml:2:3: a: merge keys are not supported; write the fields out"},
      {"a: !!binary aGk=\n", "a.yaml:1:4: a: tags are not supported: \"tag:yaml.org,2002:binary\""},
      {"a: !secret x\n", "a.yaml:1:4: a: tags are not supported: \"!secret\""},
      {"a: !!map {b: 1}\n", "a.yaml:1:4: a: tags are not supported: \"tag:yaml.org,2002:map\""},
      {"? [1, 2]\n: x\n", "a.yaml:1:3: expected text as a key"},
      {"a: .inf\n", "a.yaml:1:4: a: the number .inf has no JSON form; put it in quotes to keep it as text"},
      {"a: 1e999\n", "a.yaml:1:4: a: the number 1e999 has no JSON form; put it in quotes to keep it as text"},
      {"a: 18446744073709551616\n",
       "a.yaml:1:4: a: the number 18446744073709551616 has no JSON form; put it in quotes to keep it as "
       "text"},
      {"a: [1, 2\nb: 3\n", "a.yaml:2:2: not valid YAML: expected , or ] after an entry of a […] list"},
      {"a: {b: 1\n",
       "a.yaml:2:1: not valid YAML: the text ends inside a quoted text, list or map that is never closed"},
      {"a: 'open\n",
       "a.yaml:2:1: not valid YAML: the text ends inside a quoted text, list or map that is never closed"},
      {"a: \"\\q\"\n",
       "a.yaml:1:7: not valid YAML: \"\\q\" is no escape: expected one of \\n, \\t, \\\", \\\\, \\xNN, "
       "\\uNNNN and the "
       "like, or single quotes around the text"},
      {"a:\n\t- 1\n", "a.yaml:2:2: not valid YAML: a tab in the indentation: expected spaces"},
      {"{a: 1} b\n", "a.yaml:1:8: expected the end of the document or ---"},
      {"a: 1\n\xff\n", "a.yaml:2:1: not text: expected printable UTF-8"},
      {"a: \xed\xa0\x80\n", "a.yaml:1:4: not text: expected printable UTF-8"},
      {"a: \x1b[31m\n", "a.yaml:1:4: not text: expected printable UTF-8"},
  };
  for (const auto& [text, error] : corpus) EXPECT_THAT(errors_of(text), ElementsAre(error)) << text;
}

TEST(Yaml, EveryErrorOfAFileIsReported) {
  EXPECT_THAT(
      errors_of("a: &x 1\nb: *x\nb: 2\nc: .nan\n"),
      ElementsAre(HasSubstr("a.yaml:1:"), HasSubstr("a.yaml:2:4: b: aliases"),
                  HasSubstr("a.yaml:3:1: b: duplicate key"), HasSubstr("a.yaml:4:4: c: the number .nan")));
}

TEST(Yaml, BombsMeetACap) {
  const auto deep = std::string(500, '[') + std::string(500, ']');
  EXPECT_THAT(errors_of(deep), ElementsAre("a.yaml:1:65: nested deeper than 64 levels"));
  EXPECT_EQ(errors_of(std::string(100000, '[')).size(), 1U);
  std::string blocks;
  for (int i = 0; i < 2000; ++i) blocks += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(errors_of(blocks), ElementsAre("a.yaml:65:65: nested deeper than 64 levels"));
  EXPECT_THAT(errors_of(std::string(kMostYamlBytes + 1, '#')), ElementsAre("a.yaml:1:1: larger than 4 MiB"));
  std::string many = "[";
  while (many.size() < kMostYamlBytes - 3) many += "1,";
  EXPECT_THAT(errors_of(many + "]"), ElementsAre(HasSubstr("more than 150000 values")));
  EXPECT_THAT(errors_of(std::string("a: \0b", 5)),
              ElementsAre("a.yaml:1:4: not text: expected printable UTF-8"));
}

}  // namespace
}  // namespace slipway

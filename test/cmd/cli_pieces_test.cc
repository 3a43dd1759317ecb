// The pieces of the command line that need no server.
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <random>

#include "api/timestamp.h"
#include "api/yaml.h"
#include "cmd/slipway/jsonpath.h"
#include "cmd/slipway/log_printer.h"
#include "cmd/slipway/output_format.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/table.h"
#include "cmd/slipway/terminal.h"
#include "cmd/slipway/text_diff.h"
#include "cmd/slipway/words.h"
#include "cmd/slipway/yaml_writer.h"
#include "store/selector.h"

namespace slipway::cli {
namespace {

using nlohmann::json;

TEST(Printable, NothingOfAWorkloadReachesTheTerminalAsACommand) {
  EXPECT_EQ(printable("plain é 漢 🙂"), "plain é 漢 🙂");
  EXPECT_EQ(printable("\x1b[31mred\x1b]0;title\x07"), "\\x1b[31mred\\x1b]0;title\\x07");
  EXPECT_EQ(printable("a\r\nb\tc"), "a\\x0d\\x0ab\\x09c");
  EXPECT_EQ(printable("a\nb\tc\r", true), "a\nb\tc\\x0d");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u009b31m");  // the C1 form of ESC [
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "txt"),
            "\\u202etxt");  // right-to-left override
  EXPECT_EQ(printable("\xff\xc0\xaf\xed\xa0\x80"), "\\xff\\xc0\\xaf\\xed\\xa0\\x80");
  EXPECT_EQ(printable(std::string("a\0b\x7f", 4)), "a\\x00b\\x7f");
}

TEST(OneLine, RunsOfBlanksBecomeOne) {
  EXPECT_EQ(one_line("could not\n\tconnect:  refused\n"), "could not connect: refused");
}

TEST(Redacted, APasswordIsNeverShown) {
  EXPECT_EQ(redacted("postgresql://u:secret@h/db"), "postgresql://u:***@h/db");
  EXPECT_EQ(redacted("postgresql://u:S3cret@Prod1@h/db"), "postgresql://u:***@h/db");
  EXPECT_EQ(redacted("host=h password = secret dbname=d"), "host=h password =***");
  EXPECT_EQ(redacted("postgresql://u@h:5432/db"), "postgresql://u@h:5432/db");
  EXPECT_EQ(redacted("host=h password=secret dbname=d"), "host=h password=***");
  EXPECT_EQ(redacted("host=h password='se cret' dbname=d"), "host=h password=***");
  EXPECT_EQ(redacted("postgresql://u@h/db?password=secret&x=1"), "postgresql://u@h/db?password=***&x=1");
  EXPECT_EQ(redacted("postgresql://h/db"), "postgresql://h/db");
}

TEST(Table, ColumnsAlignAndEmptyCellsSayNone) {
  EXPECT_EQ(render_table({"NAME", "AGE"}, {{"é", "5s"}, {"longer", ""}}),
            "NAME     AGE\né        5s\nlonger   <none>\n");
  EXPECT_EQ(render_table({"NAME", "AGE"}, {{"\x1b[2J", "1s"}}), "NAME      AGE\n\\x1b[2J   1s\n");
}

TEST(Table, NameComesFirstAndAgeLast) {
  const auto document =
      json::parse(R"({"metadata": {"uid": "id-1", "creationTimestamp": "2027-01-01T00:00:00+00:00"},
    "spec": {"user": "u", "agent": "a"}, "status": {"status": "FAILED", "reason": "OOMKilled", "durationMs": 1234}})");
  const auto now = *parse_timestamp("2027-01-01T00:03:00Z");
  EXPECT_EQ(render_documents(store::Table::Executions, {document}, false, now),
            "NAME   USER   AGENT   STATUS   REASON      DURATION   AGE\n"
            "id-1   u      a       FAILED   OOMKilled   1234ms     3m\n");
}

TEST(YamlWriter, WhatIsWrittenIsReadBack) {
  const auto value =
      json::parse(R"({"spec": {"a": [1, 2.5, "no", "true", "1e3", "", null, [], {}, [[1], {"x": "y: z"}]],
    "command": ["/bin/x", "-v", "a b", "#c", "é\n\ttab", "- dash", "{"], "odd key: ": {"n": null}, "b": false},
    "kind": "Agent", "metadata": {"name": "m"}, "apiVersion": "slipway.dev/v1alpha1"})");
  const auto text = write_yaml(value);
  const auto file = parse_yaml(text, "written.yaml");
  ASSERT_TRUE(file.errors.empty()) << to_string(file.errors[0]) << "\n" << text;
  EXPECT_EQ(file.documents.at(0).value, value) << text;
  EXPECT_TRUE(
      text.starts_with("apiVersion: slipway.dev/v1alpha1\nkind: Agent\nmetadata:\n  name: m\nspec:\n"))
      << text;
}

const auto kList =
    json::parse(R"({"items": [{"metadata": {"name": "a", "labels": {"x.y/z": "1"}}, "n": [1, 2, 3]},
  {"metadata": {"name": "b"}, "n": [], "ok": true}]})");

TEST(JsonPath, PathsTextAndRanges) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"{.items[*].metadata.name}", "a b"},
      {"{$.items[0].n[-1]}", "3"},
      {".items[1].ok", "true"},
      {"{.items[0].n}", "[1,2,3]"},
      {"{.items[0].n.*}", "1 2 3"},
      {"{.items[0].metadata.labels.x\\.y/z}", "1"},
      {"{.items[0].metadata.labels['x.y/z']}", "1"},
      {"{.nothing.here[7]}", ""},
      {"{.items[9].n}{.items[0].metadata[0]}", ""},
      {"name: {.items[0].metadata.name}{'\\n'}", "name: a\n"},
      {"{range .items[*]}{.metadata.name}={.n[0]}{\"}\\t\"}{end}.", "a=1}\tb=}\t."},
      {"{range .items[*]}{range .n[*]}{.}{\",\"}{end}{end}", "1,2,3,"},
      {"no path", "no path"},
  };
  for (const auto& [text, expected] : rows) {
    const auto parsed = JsonPath::parse(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->render(kList), expected) << text;
  }
}

TEST(JsonPath, WhatIsNotUnderstoodIsNamed) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"{.a[?(@.b==1)]}", "filters"},   {"{..a}", "recursive descent"},
      {"{.a[1:2]}", "slices"},          {"{.a[x]}", "expected a number"},
      {"{.a", "never closed"},          {"{range .a[*]}x", "without its {end}"},
      {"{end}", "without its {range}"}, {"{.a.}", "field's name"},
      {"{a}", "expected . or ["},       {"{.a[0}", "never closed"},
      {"{}", "expected a path"},
  };
  for (const auto& [text, word] : rows) {
    const auto parsed = JsonPath::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find(word), std::string::npos) << text << ": " << parsed.error().message;
  }
}

TEST(JsonPath, ItIsKnownWhetherInputOrOutputIsShown) {
  for (const auto* text : {"{.spec}", "{.items[*]}", "{.spec.input.symbol}",
                           "{range .items[*]}{.status.output}{end}", "{.}", "{.items}"}) {
    EXPECT_TRUE(JsonPath::parse(text)->shows_payload()) << text;
  }
  for (const auto* text : {"{.spec.agent}", "{range .items[*]}{.metadata.name}{end}", "input"})
    EXPECT_FALSE(JsonPath::parse(text)->shows_payload()) << text;
}

TEST(Selector, TermsOfEachForm) {
  using Op = store::LabelTerm::Op;
  const auto terms = store::parse_selector("a=1,b==2, c!=3 ,d in (4, 5),e notin (6),f,!g");
  ASSERT_TRUE(terms) << terms.error().message;
  const std::vector<std::tuple<std::string, Op, std::vector<std::string>>> expected = {
      {"a", Op::In, {"1"}},    {"b", Op::In, {"2"}},  {"c", Op::NotIn, {"3"}}, {"d", Op::In, {"4", "5"}},
      {"e", Op::NotIn, {"6"}}, {"f", Op::Exists, {}}, {"g", Op::Absent, {}}};
  ASSERT_EQ(terms->size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(std::tuple((*terms)[i].key, (*terms)[i].op, (*terms)[i].values), expected[i]) << i;
  for (const auto* wrong : {"", "a,", "=1", "a in 1", "a in (1", "in (1)", "!", "a b"})
    EXPECT_FALSE(store::parse_selector(wrong)) << wrong;
}

TEST(UnifiedDiff, HunksAsDiffWritesThem) {
  const auto diff = [](const std::string& a, const std::string& b) {
    return unified_diff(lines_of(a), lines_of(b));
  };
  EXPECT_EQ(diff("a\nb\n", "a\nb\n"), "");
  EXPECT_EQ(diff("", "a\nb\n"), "@@ -0,0 +1,2 @@\n+a\n+b\n");
  EXPECT_EQ(diff("a\n", ""), "@@ -1 +0,0 @@\n-a\n");
  EXPECT_EQ(diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
  std::string long_text, other;
  for (int i = 0; i < 30; ++i) long_text += std::to_string(i) + "\n";
  other = "new\n" + long_text + "end\n";
  EXPECT_EQ(diff(long_text, other),
            "@@ -1,3 +1,4 @@\n+new\n 0\n 1\n 2\n@@ -28,3 +29,4 @@\n 27\n 28\n 29\n+end\n");
}

// Whatever the two texts, the hunks applied to the first make the second.
TEST(UnifiedDiff, TurnsTheFirstIntoTheSecond) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const auto text = [&] {
      std::vector<std::string> lines(random() % 24);
      for (auto& line : lines) line = std::string(1, static_cast<char>('a' + random() % 4));
      return lines;
    };
    const auto before = text();
    const auto after = text();
    std::vector<std::string> made;
    std::size_t next = 0;
    for (const auto& line : lines_of(unified_diff(before, after))) {
      if (line.starts_with("@@")) {
        const auto first = std::stoul(line.substr(4));
        const auto comma = line.find(',');
        const bool none = comma < line.find('+') && line[comma + 1] == '0';
        for (; next + (none ? 0 : 1) < first; ++next) made.push_back(before[next]);
      } else if (line[0] == '+') {
        made.push_back(line.substr(1));
      } else {
        ASSERT_EQ(before.at(next), line.substr(1)) << round;
        if (line[0] == ' ') made.push_back(before[next]);
        ++next;
      }
    }
    for (; next < before.size(); ++next) made.push_back(before[next]);
    ASSERT_EQ(made, after) << round;
  }
}

TEST(SortDocuments, NumbersByValueAndMissingOnesFirst) {
  std::vector<json> documents = {{{"n", 10}}, {{"n", 9}}, {{"m", 1}}, {{"n", 10}, {"second", true}}};
  sort_documents(*parse_path(".n"), documents);
  EXPECT_EQ(json(documents).dump(), R"([{"m":1},{"n":9},{"n":10},{"n":10,"second":true}])");
}

TEST(LogPrinter, WhatTheSystemSaysStandsBetweenLines) {
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::tmpfile(), &std::fclose);
  LogPrinter printer(file.get(), {});
  printer.add({LogChunk::Stream::Stdout, {}, "one\ntw"});
  printer.add({LogChunk::Stream::Stderr, {}, "err"});
  printer.add({LogChunk::Stream::System, {}, "[slipway: 9 bytes are left out here]\n"});
  printer.add({LogChunk::Stream::Stdout, {}, "ree\n"});
  ASSERT_TRUE(printer.finish());
  std::rewind(file.get());
  char text[256] = {};
  const auto read = std::fread(text, 1, sizeof text - 1, file.get());
  EXPECT_EQ(std::string(text, read), "one\ntw\nerr\n[slipway: 9 bytes are left out here]\nree\n");
}

}  // namespace
}  // namespace slipway::cli

// The pieces of the command line that need no server.
#include <gtest/gtest.h>

#include "api/timestamp.h"
#include "api/yaml.h"
#include "cmd/slipway/session.h"
#include "cmd/slipway/table.h"
#include "cmd/slipway/terminal.h"
#include "cmd/slipway/yaml_writer.h"

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
  EXPECT_EQ(redacted("postgresql://u@h:5432/db"), "postgresql://u@h:5432/db");
  EXPECT_EQ(redacted("host=h password=secret dbname=d"), "host=h password=*** dbname=d");
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

}  // namespace
}  // namespace slipway::cli

// What a terminal sees that a pipe does not, and what neither may see.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/cmd/shop.h"
#include "test/support/terminal/terminal.h"

namespace slipway::test {
namespace {

using testing::HasSubstr;
using testing::Not;

Terminal at_terminal(const Shop& shop, const std::string& line, const std::string& no_color = "") {
  auto environment = shop.environment();
  environment["NO_COLOR"] = no_color;
  environment["TERM"] = "xterm";
  return Terminal({"/bin/bash", "-c", "cd " + shop.directory().string() + " && " + line}, environment);
}

TEST(AtATerminal, ErrorsAndDifferencesHaveColourUnlessItIsRefused) {
  const Shop shop;
  auto error = at_terminal(shop, "slipway get agent none");
  EXPECT_EQ(error.finish(), 1);
  EXPECT_EQ(error.screen(), "\x1b[31mslipway:\x1b[0m agent \"none\" not found\r\n");
  auto difference = at_terminal(shop, "slipway diff -f changed.yaml");
  EXPECT_EQ(difference.finish(), 1);
  EXPECT_THAT(difference.screen(), HasSubstr("\x1b[32m+  image: \"m:2\"\x1b[0m"));
  auto plain = at_terminal(shop, "slipway get agent none; slipway diff -f changed.yaml", "1");
  EXPECT_EQ(plain.finish(), 1);
  EXPECT_THAT(plain.screen(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(shop.run("slipway get agent none; slipway diff -f changed.yaml").err, Not(HasSubstr("\x1b")));
}

TEST(AtATerminal, WhatLastsLongerThanTwoSecondsSaysSoAndTakesItAway) {
  const Shop shop;
  auto waiting = at_terminal(shop, "slipway wait --for=condition=Finished third --timeout=3s");
  EXPECT_TRUE(waiting.shows("waiting for execution/third… 2 s"));
  EXPECT_EQ(waiting.finish(), 1);
  EXPECT_THAT(waiting.screen(), HasSubstr("\r\x1b[K\x1b[31mslipway:\x1b[0m timed out after 3s"));
  EXPECT_EQ(shop.run("slipway wait --for=condition=Finished third --timeout=3s").err,
            "slipway: timed out after 3s waiting for execution/third\n");
}

TEST(AtATerminal, NothingOfAWorkloadIsACommandToIt) {
  Shop shop;
  shop.run_execution("third");
  shop.log("third", "\x1b]0;owned\x07\x1b[2J\n");
  shop.finish_execution("third", "COMPLETED", "Completed", R"(output = to_json(E'\x1b[2J'::text))",
                        "\x1b[31mred");
  shop.sql().exec(R"(
    UPDATE slipway.executions SET labels = jsonb_build_object('batch', E'\x1b[5m') WHERE name = 'third';
    INSERT INTO slipway.entitlements (id, user_id, agent) VALUES (E'\x1b[7m', 'u-42', 'momentum');
    INSERT INTO slipway.execution_events (execution_id, stage, reason, message)
      SELECT id, 'Finished', 'Completed', E'\x1b[6n' FROM slipway.executions WHERE name = 'third')");
  for (const auto* line :
       {"logs third", "logs -f third", "logs --timestamps third", "get ex -o wide", "get ex -o yaml",
        "get ex -o json", "get ex -o jsonpath={.items[*].status.message}",
        "get ex -o jsonpath={.items[*].metadata.labels.batch}", "get ent", "get ent -o name",
        "get ent -o yaml", "describe ex third", "output third", "why third"}) {
    auto terminal = at_terminal(shop, std::string("slipway ") + line, "1");
    EXPECT_EQ(terminal.finish(), 0) << line << "\n" << terminal.screen();
    EXPECT_THAT(terminal.screen(), Not(HasSubstr("\x1b"))) << line;
    EXPECT_THAT(terminal.screen(), Not(HasSubstr("\x07"))) << line;
  }
  EXPECT_EQ(shop.run("slipway logs third").out, "\x1b]0;owned\x07\x1b[2J\n");
  EXPECT_THAT(shop.run("slipway get ent").out, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace slipway::test

// What `slipway why` says of an execution that waits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/cmd/shop.h"

namespace slipway::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Why : public testing::TestWithParam<Way> {
 protected:
  Why() : shop_(GetParam()) {
    // Ten of one user wait; none of them is third.
    shop_.sql().exec(
        "INSERT INTO slipway.executions (name, user_id, agent, input) SELECT 'q' || n, 'u-42', 'momentum', "
        "'{}' "
        "FROM generate_series(1, 10) n");
    shop_.sql().exec(
        "BEGIN; SELECT set_config('slipway.controller', 'on', true); UPDATE slipway.executions SET stage = "
        "'Queued' WHERE name LIKE 'q%'; INSERT INTO slipway.user_usage (user_id, queued) VALUES ('u-42', "
        "10); "
        "COMMIT");
  }
  /// A run that ended and that no total counts yet.
  void end_a_run() {
    shop_.sql().exec(
        "INSERT INTO slipway.outcomes (execution_id, agent, user_id, status, reason, fault, duration_ms) "
        "VALUES "
        "(gen_random_uuid(), 'momentum', 'u-42', 'COMPLETED', 'Completed', 'None', 20)");
  }
  /// Of the last in the queue.
  std::string why() {
    const auto last = shop_.sql().value(
        "SELECT name FROM slipway.executions WHERE queued ORDER BY created_at DESC, id DESC LIMIT 1");
    return shop_.run("slipway why " + last).out;
  }

  Shop shop_;
};

TEST_P(Why, TheEstimateGoesByTheNarrowestBound) {
  EXPECT_THAT(why(), HasSubstr("estimate:  unknown: no run of this agent has ended yet\n"));
  shop_.sql().exec(
      "INSERT INTO slipway.outcomes (execution_id, agent, user_id, status, reason, fault, duration_ms) "
      "SELECT "
      "gen_random_uuid(), 'momentum', 'u-42', 'COMPLETED', 'Completed', 'None', 10000 FROM "
      "generate_series(1, 3)");
  // 10 turns of some 10 s, by 4 slots; then as many at once as each bound allows.
  EXPECT_THAT(why(),
              HasSubstr("estimate:  about 25 s, from the median run of the agent (9984 ms), 4 at a time\n"));
  shop_.sql().exec(
      "UPDATE slipway.agents SET spec = spec || '{\"maxConcurrent\": 2}' WHERE name = 'momentum'");
  EXPECT_THAT(why(),
              HasSubstr("estimate:  about 50 s, from the median run of the agent (9984 ms), 2 at a time\n"));
  shop_.sql().exec("UPDATE slipway.quotas SET max_running = 1 WHERE user_id = 'u-42'");
  EXPECT_THAT(why(),
              HasSubstr("estimate:  about 2 min, from the median run of the agent (9984 ms), 1 at a time\n"));
  shop_.sql().exec("UPDATE slipway.quotas SET max_running = 0 WHERE user_id = 'u-42'");
  EXPECT_THAT(why(), HasSubstr("estimate:  unknown: its user's quota lets nothing run\n"));
}

TEST_P(Why, ACordonedNodeIsNamedWithWhatUndoesIt) {
  end_a_run();
  ASSERT_EQ(shop_.run("slipway cordon n1").exit_code, 0);
  auto said = why();
  EXPECT_THAT(said,
              HasSubstr("held back: no node claims: node/n1 is cordoned; `slipway uncordon n1` lets it claim "
                        "again\n"));
  EXPECT_THAT(said, HasSubstr("estimate:  unknown: no node claims anything\n")) << "though a run has ended";
  shop_.sql().exec("UPDATE slipway.nodes SET ready = false");
  EXPECT_THAT(why(), HasSubstr("held back: no node is ready\n"));
}

TEST_P(Why, ALockIsNamedForAsLongAsItLasts) {
  const std::string held = "held back: a transaction that is open has its row locked\n";
  EXPECT_THAT(why(), Not(HasSubstr(held)));
  Sql submitter(shop_.url());
  submitter.exec("BEGIN; SELECT id FROM slipway.executions WHERE queued FOR UPDATE");
  EXPECT_THAT(why(), HasSubstr(held));
  submitter.exec("ROLLBACK");
  EXPECT_THAT(why(), Not(HasSubstr(held)));
}

INSTANTIATE_TEST_SUITE_P(Why, Why, testing::Values(Way::Postgres, Way::Http),
                         [](const auto& way) { return way.param == Way::Http ? "Http" : "Postgres"; });

}  // namespace
}  // namespace slipway::test

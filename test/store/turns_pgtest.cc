// Whose turn it is while others hold what is needed: locks of a submitter, of another node, of a person at
// psql; counts that were edited by hand.

#include "test/store/store_rig.h"

namespace slipway::test {
namespace {

class Turns : public StoreRig {
 protected:
  /// What the claimer does: a look, a claim, and after a claim that took less than it was offered a look past
  /// locks.
  std::vector<ExecutionId> two_passes(int free) {
    const auto offered = run(store_->list_candidates(free)).value();
    auto taken = store::taken(run(store_->claim(offered)).value());
    if (taken.size() == offered.size()) return taken;
    const auto unlocked = run(store_->list_unlocked_candidates(free - std::ssize(taken))).value();
    for (const auto& id : store::taken(run(store_->claim(unlocked)).value())) taken.push_back(id);
    return taken;
  }
  /// Another session's transaction, open as long as the answer lives.
  std::unique_ptr<Sql> hold(const std::string& what) {
    auto other = std::make_unique<Sql>(url_);
    other->exec("BEGIN");
    EXPECT_FALSE(other->query(what).empty()) << what;
    return other;
  }
  std::string count_of(const std::string& user, const std::string& column) {
    return sql_->value("SELECT " + column + " FROM slipway.user_usage WHERE user_id = $1", {user});
  }
};

TEST_F(Turns, RowsThatTheirSubmitterHoldsLockedStopNobodyElse) {
  for (int i = 0; i < 5; ++i) queued("u-a");
  const auto b = queued("u-b");
  const auto c = queued("u-c");
  const auto held = hold("SELECT id FROM slipway.executions WHERE user_id = 'u-a' FOR UPDATE");
  EXPECT_EQ(two_passes(1), std::vector{b}) << "one slot is free, and the first in order is locked";
  EXPECT_EQ(two_passes(2), std::vector{c});
  held->exec("ROLLBACK");
  EXPECT_EQ(two_passes(4).size(), 4U) << "it waits no longer than the lock";
}

TEST_F(Turns, ALockedCountStopsItsUserAtMost) {
  queued("u-a");
  const auto b = queued("u-b");
  const auto held = hold("SELECT user_id FROM slipway.user_usage WHERE user_id = 'u-a' FOR UPDATE");
  EXPECT_EQ(two_passes(1), std::vector{b});
}

TEST_F(Turns, ALockedEntitlementStopsItsUserAtMost) {
  sql_->exec(
      "INSERT INTO slipway.entitlements (id, user_id, agent, uses, expires_at) VALUES ('mine', 'u-a', "
      "'echo', 5, now() + interval '1 day')");
  queued("u-a");
  const auto b = queued("u-b");
  const auto held = hold("SELECT id FROM slipway.entitlements WHERE id = 'mine' FOR UPDATE");
  EXPECT_EQ(two_passes(1), std::vector{b});
}

TEST_F(Turns, ALockedAgentStopsItsOwnRowsAtMost) {
  sql_->exec(
      R"(INSERT INTO slipway.agents (name, spec) VALUES ('narrow', '{"image": "echo:1", "maxConcurrent": 5}'))");
  const auto narrow = insert("u-a", "narrow");
  admit(narrow);
  const auto mine = queued("u-a");
  const auto held = hold("SELECT name FROM slipway.agents WHERE name = 'narrow' FOR UPDATE");
  EXPECT_EQ(two_passes(1), std::vector{mine});
}

TEST_F(Turns, ACountThatIsTooLowFailsNobodysClaimAndIsSetRight) {
  const auto a = queued("u-a");
  const auto later = queued("u-a");
  const auto b = queued("u-b");
  sql_->exec("UPDATE slipway.user_usage SET queued = 1, running = 7 WHERE user_id = 'u-a'");
  EXPECT_EQ(store::taken(run(store_->claim({a, later, b})).value()).size(), 3U);
  EXPECT_EQ(count_of("u-a", "queued"), "0");
  EXPECT_EQ(count_of("u-a", "running"), "9");
  EXPECT_EQ(run(store_->recount_usage()).value(), 1);
  EXPECT_EQ(count_of("u-a", "running"), "2");
  EXPECT_EQ(run(store_->recount_usage()).value(), 0);
}

TEST_F(Turns, RowsOfWhichTheCountKnowsNothingAreFoundByTheRecount) {
  const auto a = queued("u-a");
  sql_->exec("UPDATE slipway.user_usage SET queued = 0 WHERE user_id = 'u-a'");
  EXPECT_TRUE(run(store_->list_candidates(4)).value().empty());
  EXPECT_EQ(run(store_->recount_usage()).value(), 1);
  EXPECT_EQ(run(store_->list_candidates(4)).value(), std::vector{a});
}

TEST_F(Turns, ACountThatCannotGrowFailsNobodysClaim) {
  const auto a = queued("u-a"), b = queued("u-b");
  sql_->exec("UPDATE slipway.user_usage SET running = 2147483647 WHERE user_id = 'u-a'");
  sql_->exec("UPDATE slipway.entitlements SET used = 2147483647, uses = NULL WHERE user_id = 'u-a'");
  EXPECT_EQ(store::taken(run(store_->claim({a, b})).value()).size(), 2U);
  sql_->exec("UPDATE slipway.user_usage SET queued = 2147483647, minute_count = 2147483647");
  const auto mine = insert("u-a"), others = insert("u-b");
  const auto decided = run(store_->decide({{.id = mine, .agent_revision = 1, .timeout_seconds = 60},
                                           {.id = others, .agent_revision = 1, .timeout_seconds = 60}}));
  EXPECT_EQ(std::ssize(decided.value()), 2);
}

TEST_F(Turns, TheRecountKnowsWhatWaitsForATimeAndACountThatIsGone) {
  const auto deferred = insert("u-a");
  run(store_->decide({{.id = deferred, .to = Stage::Deferred, .agent_revision = 1, .timeout_seconds = 60}}))
      .value();
  sql_->query("UPDATE slipway.executions SET cancel_requested = true WHERE id = $1", {queued("u-a")});
  EXPECT_EQ(count_of("u-a", "queued"), "2");
  EXPECT_EQ(run(store_->recount_usage()).value(), 0) << "both count until they are decided upon";
  const auto b = queued("u-b");
  sql_->exec("DELETE FROM slipway.user_usage WHERE user_id = 'u-b'");
  EXPECT_EQ(run(store_->recount_usage()).value(), 1);
  EXPECT_EQ(run(store_->list_candidates(4)).value(), std::vector{b});
}

TEST_F(Turns, HoweverManyRowsOfALockedEntitlementWaitTheirUsersOthersAreServed) {
  sql_->exec(R"(INSERT INTO slipway.agents (name, spec) VALUES ('other', '{"image": "echo:1"}'))");
  for (int i = 0; i < 150; ++i) queued("u-a");
  const auto mine = insert("u-a", "other");
  admit(mine);
  const auto held =
      hold("SELECT id FROM slipway.entitlements WHERE user_id = 'u-a' AND agent = 'echo' FOR UPDATE");
  EXPECT_EQ(two_passes(1), std::vector{mine});
}

TEST_F(Turns, ACountThatIsHeldIsSetRightTheNextTime) {
  queued("u-a");
  queued("u-b");
  sql_->exec("UPDATE slipway.user_usage SET queued = 9");
  auto held = hold("SELECT user_id FROM slipway.user_usage WHERE user_id = 'u-a' FOR UPDATE");
  EXPECT_EQ(run(store_->recount_usage()).value(), 1);
  held->exec("ROLLBACK");
  EXPECT_EQ(run(store_->recount_usage()).value(), 1);
}

// First decisions and claims lock the count before the entitlement; who gives a use back must not come from
// the other side.
TEST_F(Turns, WhoGivesAUseBackWaitsForTheCountBeforeItTouchesTheEntitlement) {
  const auto e = claimed("u-a");
  auto held = hold("SELECT user_id FROM slipway.user_usage WHERE user_id = 'u-a' FOR UPDATE");
  std::optional<Result<bool>> answer;
  asio::co_spawn(io_, store_->finish(end(e, Stage::Claimed, Reason::EngineError)),
                 [&](const std::exception_ptr&, Result<bool> value) { answer = std::move(value); });
  ASSERT_TRUE(run_until([&] {
    return sql_->value(
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
               "current_database()") != "0";
  }));
  EXPECT_NO_THROW(
      held->exec("SELECT id FROM slipway.entitlements WHERE id = (SELECT entitlement_id FROM "
                 "slipway.entitlement_spends LIMIT 1) FOR UPDATE NOWAIT"));
  held->exec("COMMIT");
  ASSERT_TRUE(run_until([&] { return answer.has_value(); }));
  EXPECT_TRUE(answer->value());
}

}  // namespace
}  // namespace slipway::test

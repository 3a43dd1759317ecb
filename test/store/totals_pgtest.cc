// What the metrics say of the whole cluster: the same before and after folding, told by one node, and no name
// of a submitter's making among it.
#include "test/store/store_rig.h"

namespace slipway::test {
namespace {

using namespace std::chrono_literals;

class Totals : public StoreRig {
 protected:
  store::Totals read(store::PostgresStore& store, Duration term = 60s) {
    return run(store.read_totals(term)).value();
  }
  /// "agent STATUS Reason n", in order.
  static std::set<std::string> finished(const store::Totals& totals) {
    std::set<std::string> words;
    for (const auto& row : totals.finished)
      words.insert(row.agent + " " + std::string(to_string(row.status)) + " " +
                   std::string(to_string(row.reason)) + " " + std::to_string(row.executions));
    return words;
  }
  static std::set<std::string> unfinished(const store::Totals& totals) {
    std::set<std::string> words;
    for (const auto& row : totals.unfinished)
      words.insert(row.agent + " " + std::string(to_string(row.status)) + " " +
                   std::to_string(row.executions));
    return words;
  }
};

TEST_F(Totals, AreTheSameFoldedOrNot) {
  ASSERT_TRUE(run(store_->finish(end(running(), Stage::Running, Reason::Completed))).value());
  ASSERT_TRUE(run(store_->finish(end(running(), Stage::Running, Reason::Completed))).value());
  ASSERT_TRUE(run(store_->finish(end(running(), Stage::Running, Reason::EngineError))).value());
  for (const auto* name : {"nobody", "nobody-either"})
    run(store_->decide({{.id = insert("u-1", name), .to = Stage::Finished, .reason = Reason::AgentNotFound}}))
        .value();
  queued();
  insert("u-1", "nobody");
  running();

  const auto fresh = read(*store_);
  EXPECT_TRUE(fresh.ours_to_tell);
  EXPECT_EQ(fresh.unfolded, 5);
  EXPECT_EQ(fresh.agents, std::vector<std::string>{"echo"}) << "what operators have made";
  const std::set<std::string> ends = {"echo COMPLETED Completed 2", "echo FAILED EngineError 1",
                                      "<none> FAILED AgentNotFound 2"};
  EXPECT_EQ(finished(fresh), ends);
  EXPECT_EQ(unfinished(fresh),
            (std::set<std::string>{"echo PENDING 1", "echo RUNNING 1", "<none> PENDING 1"}));
  EXPECT_EQ(fresh.spends, 4) << "three settled, one not yet";
  EXPECT_EQ(fresh.refunds, 1);
  EXPECT_EQ(fresh.output_bytes, 22);
  EXPECT_GT(fresh.oldest_pending, Duration{0});

  ASSERT_EQ(run(store_->fold_outcomes(3)).value(), 3);
  EXPECT_EQ(finished(read(*store_)), ends) << "half of them folded";
  ASSERT_EQ(run(store_->fold_outcomes(10)).value(), 2);
  // An agent of that name that comes later takes nothing over: counters never fall.
  sql_->exec(R"(INSERT INTO slipway.agents (name, spec) VALUES ('nobody', '{"image": "echo:1"}'))");
  const auto folded = read(*store_);
  EXPECT_EQ(folded.unfolded, 0);
  EXPECT_EQ(finished(folded), ends);
  EXPECT_EQ(std::set<std::string>(folded.agents.begin(), folded.agents.end()),
            (std::set<std::string>{"echo", "nobody"}))
      << "known before it has run";
  EXPECT_EQ(folded.spends, 4);
  EXPECT_EQ(folded.refunds, 1);
  EXPECT_EQ(folded.output_bytes, 22);
}

TEST_F(Totals, OldestPendingIsOfWhatMightRunNow) {
  sql_->exec(
      "INSERT INTO slipway.executions (user_id, agent, input, not_before) VALUES ('u-1', 'echo', '{}', now() "
      "+ interval '1 hour')");
  EXPECT_EQ(read(*store_).oldest_pending, Duration{0}) << "not before an hour";
  sql_->exec("INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u-1', 'echo', '{}')");
  sql_->exec("SELECT pg_sleep(0.05)");
  EXPECT_GE(read(*store_).oldest_pending, 50ms);
}

TEST_F(Totals, AreToldByOneNodeAndTakenOverWhenItsWordIsUp) {
  const auto other = open("n2");
  register_as(*other, "n2");
  queued();
  EXPECT_TRUE(read(*store_).ours_to_tell);
  const auto silent = read(*other);
  EXPECT_FALSE(silent.ours_to_tell);
  EXPECT_TRUE(silent.unfinished.empty());
  EXPECT_TRUE(read(*store_, 1ms).ours_to_tell) << "its own word it may renew, and shorten";
  sql_->exec("SELECT pg_sleep(0.01)");
  EXPECT_TRUE(read(*other).ours_to_tell);
  EXPECT_FALSE(read(*store_).ours_to_tell);
}

TEST_F(Totals, AnIdleNodeIsToldWhatIsToCome) {
  const auto nothing = run(store_->look_ahead()).value();
  EXPECT_FALSE(nothing.waiting);
  EXPECT_FALSE(nothing.next_decision);
  const auto later = insert();
  EXPECT_LE(run(store_->look_ahead()).value().next_decision, now());
  run(store_->decide({{.id = later, .reason = Reason::Queued, .agent_revision = 1, .timeout_seconds = 60}}))
      .value();
  const auto waiting = run(store_->look_ahead()).value();
  EXPECT_TRUE(waiting.waiting);
  EXPECT_FALSE(waiting.next_decision);
}

}  // namespace
}  // namespace slipway::test

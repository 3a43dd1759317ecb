// Conditional, fenced and coalesced writes; the ledgers under many hands.
#include "test/store/store_rig.h"

namespace slipway::test {
namespace {

using Writes = StoreRig;

TEST_F(Writes, AnyWrongConditionWritesNothing) {
  const auto e = running();
  auto wrong_stage = step(e, Stage::Launching, Stage::Running);
  auto wrong_claim = step(e, Stage::Running, Stage::Running);
  wrong_claim.claim = "11111111-2222-4333-8444-555555555555";
  EXPECT_FALSE(run(store_->record(wrong_stage)).value());
  EXPECT_FALSE(run(store_->record(wrong_claim)).value());
  auto nobody = step(e, Stage::Running, Stage::Running);
  nobody.id = "00000000-0000-7000-8000-000000000000";
  EXPECT_FALSE(run(store_->record(nobody)).value());
  EXPECT_FALSE(run(store_->finish(end(e, Stage::Claimed, Reason::Cancelled))).value());
  EXPECT_FALSE(run(store_->requeue(e.ref.execution, e.ref.claim, {})).value());
  auto other = open("n2");
  register_as(*other, "n2");
  EXPECT_FALSE(run(other->finish(end(e, Stage::Running, Reason::Completed))).value()) << "another node's row";
  EXPECT_EQ(load(e.ref.execution).stage, Stage::Running);
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.outcomes"), "0");
}

TEST_F(Writes, AStaleEpochWritesNothingAnywhere) {
  const auto e = running();
  const auto waiting = queued();
  const auto before = sql_->query("SELECT e::text FROM slipway.executions e ORDER BY id");
  auto successor = open();
  register_as(*successor, "n1");
  EXPECT_EQ(run(store_->record(step(e, Stage::Running, Stage::Running))).error().error_class,
            ErrorClass::Conflict);
  EXPECT_EQ(run(store_->finish(end(e, Stage::Running, Reason::Completed))).error().error_class,
            ErrorClass::Conflict);
  EXPECT_EQ(run(store_->recycle(again(e, Stage::Running))).error().error_class, ErrorClass::Conflict);
  EXPECT_EQ(run(store_->decide({{.id = waiting, .from = Stage::Queued, .to = Stage::Finished}}))
                .error()
                .error_class,
            ErrorClass::Conflict);
  EXPECT_EQ(run(store_->claim({waiting})).error().error_class, ErrorClass::Conflict);
  EXPECT_EQ(run(store_->explain_waiting(false)).error().error_class, ErrorClass::Conflict);
  EXPECT_EQ(run(store_->retire(1)).error().error_class, ErrorClass::Conflict);
  EXPECT_EQ(run(store_->fold_outcomes(1)).error().error_class, ErrorClass::Conflict);
  EXPECT_EQ(run(store_->set_idle(true)).error().error_class, ErrorClass::Conflict);
  EXPECT_EQ(sql_->query("SELECT e::text FROM slipway.executions e ORDER BY id"), before);
}

TEST_F(Writes, ARegistrationWaitsForTheWriteInFlight) {
  Sql writer(url_);
  writer.exec("BEGIN; SELECT slipway.act_as('n1', 1)");
  auto successor = open();
  std::optional<Result<store::NodeState>> state;
  asio::co_spawn(
      io_, successor->register_node({.name = "n1", .instance_id = "i"}),
      [&](const std::exception_ptr&, Result<store::NodeState> answer) { state.emplace(std::move(answer)); });
  EXPECT_FALSE(
      run_until([&] { return state.has_value(); }, std::chrono::seconds(0) + std::chrono::seconds(0)));
  run_until([&] { return sql_->value("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0"; });
  EXPECT_FALSE(state);
  writer.exec("COMMIT");
  ASSERT_TRUE(run_until([&] { return state.has_value(); }));
  EXPECT_EQ(state->value().epoch, 2);
}

TEST_F(Writes, ACleanUpRidesWithTheNextMoveAndGoesAloneWhenNoneComes) {
  const auto over = running(), goes_on = running(), alone = running();
  for (const auto& e : {over, alone})
    ASSERT_TRUE(run(store_->finish(end(e, Stage::Running, Reason::Completed))).value());
  int written = 0;
  for (const auto& move :
       {step(over, Stage::Finished, Stage::Cleaned), step(goes_on, Stage::Running, Stage::Running)})
    asio::co_spawn(io_, store_->record(move), [&](const std::exception_ptr&, Result<bool> answer) {
      written += answer && *answer ? 1 : 0;
    });
  ASSERT_TRUE(run_until([&] { return written == 2; }));
  EXPECT_EQ(sql_->value(
                "SELECT count(DISTINCT xmin::text) FROM slipway.executions WHERE id IN ($1::uuid, $2::uuid)",
                {over.ref.execution, goes_on.ref.execution}),
            "1")
      << "one transaction";
  EXPECT_TRUE(run(store_->record(step(alone, Stage::Finished, Stage::Cleaned))).value());
}

TEST_F(Writes, RefundsFollowTheTableOfReasons) {
  int checked = 0;
  for (int i = 0; i <= static_cast<int>(Reason::NotEnforceable); ++i) {
    const auto reason = static_cast<Reason>(i);
    const auto& row = row_of(reason);
    if (!is_final(row.status)) continue;
    for (const bool started : {false, true}) {
      const auto e = started ? running() : claimed();
      auto finish = end(e, started ? Stage::Running : Stage::Claimed, reason);
      finish.attempt.started = started;
      ASSERT_TRUE(run(store_->finish(finish)).value()) << row.name;
      const bool refund = row.use == UseRule::Refunded || row.use == UseRule::NeverSpent ||
                          (row.use == UseRule::RefundedIfNeverStarted && !started);
      EXPECT_EQ(sql_->value("SELECT coalesce(refund_reason, '-') FROM slipway.entitlement_spends WHERE "
                            "execution_id = $1 AND settled_at IS NOT NULL",
                            {e.ref.execution}),
                refund ? std::string(row.name) : "-")
          << row.name << " started " << started;
      EXPECT_EQ(sql_->value("SELECT concat_ws(' ', o.revenue, e.price, s.price, e.list_price, s.list_price) "
                            "FROM slipway.outcomes o JOIN slipway.executions e ON e.id = execution_id "
                            "JOIN slipway.entitlement_spends s USING (execution_id) WHERE execution_id = $1",
                            {e.ref.execution}),
                row.priced ? "0.05 0.05 0.05 0.05 0.05" : "0 0 0 0.05 0.05")
          << row.name << ": price is what is owed";
      ++checked;
    }
  }
  EXPECT_EQ(checked, 58);
}

TEST_F(Writes, CancelEndsARowFromEveryWaitingStageWithoutASpend) {
  const auto fresh = insert();
  const auto waiting = queued();
  const auto later = sql_->value(
      "INSERT INTO slipway.executions (user_id, agent, input, not_before) VALUES ('u', 'echo', '{}', now() + "
      "interval '1 day') RETURNING id");
  ASSERT_EQ(
      std::ssize(run(store_->decide(
                         {{.id = later, .to = Stage::Deferred, .agent_revision = 1, .timeout_seconds = 60}}))
                     .value()),
      1);
  sql_->exec("UPDATE slipway.executions SET cancel_requested = true");
  const auto list = run(store_->list_undecided(10)).value();
  ASSERT_EQ(list.size(), 3U);
  std::vector<store::Decision> decisions;
  for (const auto& row : list) {
    EXPECT_TRUE(row.cancel_requested);
    decisions.push_back(
        {.id = row.id, .from = row.stage, .to = Stage::Finished, .reason = Reason::Cancelled});
  }
  EXPECT_EQ(std::ssize(run(store_->decide(decisions)).value()), 3);
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.executions WHERE status = 'FAILED' AND reason = "
                        "'Cancelled' AND fault = 'User'"),
            "3");
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.entitlement_spends"), "0");
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.execution_logs WHERE stream = 'system' AND line = "
                        "'Cancelled on request.'"),
            "3");
}

TEST_F(Writes, ARetryCancelledWhileItWaitsIsRefunded) {
  const auto e = running();
  ASSERT_TRUE(run(store_->recycle(again(e, Stage::Running))).value());
  ASSERT_TRUE(run(store_->requeue(e.ref.execution, e.ref.claim, std::chrono::hours(1))).value());
  sql_->exec("UPDATE slipway.executions SET cancel_requested = true");
  ASSERT_EQ(std::ssize(run(store_->decide({{.id = e.ref.execution,
                                            .from = Stage::Queued,
                                            .to = Stage::Finished,
                                            .reason = Reason::Cancelled}}))
                           .value()),
            1);
  EXPECT_EQ(sql_->value("SELECT refund_reason FROM slipway.entitlement_spends"), "Cancelled");
  EXPECT_EQ(sql_->value("SELECT running FROM slipway.user_usage"), "0");
}

TEST_F(Writes, CancelLeavesASystemLineAfterTheWorkloadsOwn) {
  const auto e = running();
  stop(e);
  auto finish = end(e, Stage::Stopping, Reason::Cancelled);
  finish.attempt.logs = {{LogChunk::Stream::Stdout, now(), "working\n"}};
  ASSERT_TRUE(run(store_->finish(finish)).value());
  EXPECT_EQ(
      sql_->value("SELECT string_agg(stream || ':' || line, '|' ORDER BY seq) FROM slipway.execution_logs"),
      "stdout:working|system:Cancelled on request.");
}

class Batches : public StoreRig {
 protected:
  /// Runs all calls at once; the answers in their order.
  template <class T>
  std::vector<Result<T>> at_once(std::vector<asio::awaitable<Result<T>>> calls) {
    std::vector<std::optional<Result<T>>> answers(calls.size());
    std::size_t left = calls.size();
    for (std::size_t i = 0; i < calls.size(); ++i) {
      asio::co_spawn(io_, std::move(calls[i]),
                     [&answers, &left, i](const std::exception_ptr&, Result<T> answer) {
                       answers[i].emplace(std::move(answer));
                       --left;
                     });
    }
    EXPECT_TRUE(run_until([&] { return left == 0; }));
    std::vector<Result<T>> all;
    for (auto& answer : answers) all.push_back(std::move(*answer));
    return all;
  }
};

TEST_F(Batches, APoisonRowIsRefusedAloneAndItsNeighboursAreWritten) {
  std::vector<Execution> rows;
  for (int i = 0; i < 9; ++i) rows.push_back(running());
  std::vector<asio::awaitable<Result<bool>>> calls;
  for (int i = 0; i < 9; ++i) {
    auto finish = end(rows[static_cast<std::size_t>(i)], Stage::Running, Reason::Completed);
    if (i == 3) finish.output = "{not json";
    if (i == 6) finish.attempt.detail = std::string("nul\0byte", 8);
    if (i == 7) finish.attempt.detail = "\xff not utf-8";
    calls.push_back(store_->finish(finish));
  }
  const auto answers = at_once<bool>(std::move(calls));
  for (int i = 0; i < 9; ++i) {
    const auto& answer = answers[static_cast<std::size_t>(i)];
    if (i == 3 || i == 6 || i == 7) {
      ASSERT_TRUE(answer.has_error()) << i;
      EXPECT_EQ(answer.error().error_class, ErrorClass::Invalid) << i;
    } else {
      ASSERT_TRUE(answer.has_value()) << i << answer.error().message;
      EXPECT_TRUE(*answer);
    }
  }
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.executions WHERE status = 'COMPLETED'"), "6");
  EXPECT_EQ(sql_->value("SELECT running FROM slipway.user_usage"), "3");
}

// What the schema or the rights refuse is no row's fault: nothing simpler would be taken either.
TEST_F(Batches, AStatementThatIsRefusedWhateverItCarriesBlamesNoRow) {
  const auto e = running();
  sql_->exec("ALTER TABLE slipway.outcomes RENAME TO elsewhere");
  const auto refused = run(store_->finish(end(e, Stage::Running, Reason::Completed)));
  ASSERT_TRUE(refused.has_error());
  EXPECT_NE(refused.error().error_class, ErrorClass::Invalid);
  sql_->exec("ALTER TABLE slipway.elsewhere RENAME TO outcomes");
  EXPECT_TRUE(run(store_->finish(end(e, Stage::Running, Reason::Completed))).value());
}

TEST_F(Batches, ALockHeldByASubmitterStallsNobodyElse) {
  std::vector<Execution> rows;
  for (int i = 0; i < 6; ++i) rows.push_back(running());
  Sql submitter(url_);
  submitter.exec("BEGIN; UPDATE slipway.executions SET labels = '{\"held\": \"yes\"}' WHERE id IN ('" +
                 rows[1].ref.execution + "', '" + rows[2].ref.execution + "')");
  std::vector<asio::awaitable<Result<bool>>> calls;
  std::vector<asio::awaitable<Result<bool>>> held;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    (i == 1 || i == 2 ? held : calls)
        .push_back(store_->finish(end(rows[i], Stage::Running, Reason::Completed)));
  }
  int held_answers = 0;
  std::vector<ErrorClass> held_errors;
  for (auto& call : held) {
    asio::co_spawn(io_, std::move(call), [&](const std::exception_ptr&, Result<bool> answer) {
      ++held_answers;
      if (answer.has_error()) held_errors.push_back(answer.error().error_class);
    });
  }
  for (const auto& answer : at_once<bool>(std::move(calls))) EXPECT_TRUE(answer.value());
  EXPECT_EQ(held_answers, 0) << "the neighbours did not wait for the held rows";
  ASSERT_TRUE(run_until([&] { return held_answers == 2; }));
  EXPECT_EQ(held_errors, (std::vector{ErrorClass::Retry, ErrorClass::Retry}));
  submitter.exec("COMMIT");
  EXPECT_TRUE(run(store_->finish(end(rows[1], Stage::Running, Reason::Completed))).value());
}

TEST_F(Batches, ALockReleasedInTimeIsWaitedFor) {
  const auto e = running();
  Sql submitter(url_);
  submitter.exec("BEGIN; UPDATE slipway.executions SET labels = '{}'");
  std::optional<bool> written;
  asio::co_spawn(io_, store_->finish(end(e, Stage::Running, Reason::Completed)),
                 [&](const std::exception_ptr&, Result<bool> answer) {
                   written = answer.has_value() && answer.value();
                 });
  run_until([&] { return sql_->value("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0"; });
  EXPECT_FALSE(written);
  submitter.exec("COMMIT");
  ASSERT_TRUE(run_until([&] { return written.has_value(); }));
  EXPECT_TRUE(*written);
}

TEST_F(Batches, TwoWritesOfOneRowKeepTheirOrder) {
  const auto e = claimed();
  auto intent = step(e, Stage::Claimed, Stage::Launching);
  intent.intent_at = now();
  auto started = step(e, Stage::Launching, Stage::Running, Reason::Running);
  started.started_at = now();
  std::vector<asio::awaitable<Result<bool>>> calls;
  calls.push_back(store_->record(intent));
  calls.push_back(store_->record(started));
  calls.push_back(store_->finish(end(e, Stage::Running, Reason::Completed)));
  for (const auto& answer : at_once<bool>(std::move(calls))) EXPECT_TRUE(answer.value());
}

// Promises 2 and 3: one spend an execution, one outcome an execution, running back at zero, whoever races
// whom.
TEST_F(Batches, LedgersAddUpUnderConcurrentClaimersAndFolders) {
  constexpr int kRows = 120;
  std::vector<ExecutionId> ids;
  std::vector<store::Decision> decisions;
  for (int i = 0; i < kRows; ++i) {
    ids.push_back(insert("u-" + std::to_string(i % 3)));
    decisions.push_back({.id = ids.back(), .agent_revision = 1, .timeout_seconds = 60});
  }
  ASSERT_EQ(std::ssize(run(store_->decide(decisions)).value()), kRows);
  std::vector<std::unique_ptr<store::PostgresStore>> nodes;
  for (int n = 0; n < 3; ++n) {
    nodes.push_back(open("m" + std::to_string(n)));
    register_as(*nodes.back(), "m" + std::to_string(n));
  }
  std::map<ExecutionId, int> taken;
  const auto work = [&](store::PostgresStore& node) -> asio::awaitable<Result<int>> {
    int count = 0;
    // A user whose count another node has locked is skipped: what was left is offered again.
    for (std::size_t at = 0; taken.size() < ids.size(); at = (at + 10) % ids.size()) {
      const auto claimed = co_await node.claim(
          {ids.begin() + static_cast<long>(at), ids.begin() + static_cast<long>(at) + 10});
      if (!claimed) co_return claimed.error();
      for (const auto& id : store::taken(*claimed)) {
        ++taken[id];
        const auto row = co_await node.load(id);
        if (!row) co_return row.error();
        auto finish = end(*row, Stage::Claimed, count % 4 == 0 ? Reason::EngineError : Reason::Completed);
        const auto written = co_await node.finish(finish);
        if (!written) co_return written.error();
        const auto twice = co_await node.finish(finish);
        if (!twice || *twice) co_return Error{ErrorClass::Invalid, "finished twice"};
        ++count;
      }
      const auto folded = co_await node.fold_outcomes(7);
      if (!folded) co_return folded.error();
    }
    co_return count;
  };
  std::vector<asio::awaitable<Result<int>>> calls;
  for (auto& node : nodes) calls.push_back(work(*node));
  int total = 0;
  for (const auto& answer : at_once<int>(std::move(calls))) {
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    total += *answer;
  }
  EXPECT_EQ(total, kRows);
  EXPECT_EQ(taken.size(), static_cast<std::size_t>(kRows));
  EXPECT_EQ(sql_->value("SELECT count(*) || ' ' || count(settled_at) FROM slipway.entitlement_spends"),
            "120 120");
  EXPECT_EQ(
      sql_->value("SELECT (SELECT count(*) FROM slipway.entitlement_spends WHERE refunded_at IS NOT NULL) = "
                  "(SELECT count(*) FROM slipway.executions WHERE fault = 'Platform')"),
      "t");
  EXPECT_EQ(sql_->value("SELECT total FROM slipway.agent_statistics"), "120");
  EXPECT_EQ(sql_->value("SELECT revenue = completed * 0.05 FROM slipway.agent_statistics"), "t");
  EXPECT_EQ(sql_->value("SELECT sum(running) FROM slipway.user_usage"), "0");
}

}  // namespace
}  // namespace slipway::test

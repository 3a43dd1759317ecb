// The database going away in every manner, and hints. Each test leaves the server running.
#include <boost/asio/detached.hpp>

#include "test/store/store_rig.h"

namespace slipway::test {
namespace {

class Probe final : public store::StoreProbe {
 public:
  void on_error(ErrorClass error_class) override { ++(error_class == ErrorClass::Doubt ? doubts : errors); }
  void on_query(std::string_view, std::chrono::nanoseconds) override { ++queries; }
  void on_batch(int) override { ++batches; }
  std::atomic<int> errors{0}, doubts{0}, queries{0}, batches{0};
};

class Outages : public StoreRig {
 protected:
  bool lost_class(const Result<bool>& answer) {
    return answer.has_error() && (answer.error().error_class == ErrorClass::Retry ||
                                  answer.error().error_class == ErrorClass::Doubt);
  }
  /// The call again and again, as the loop does, until it is answered.
  template <class Call>
  bool eventually(Call call) {
    for (int i = 0; i < 200; ++i) {
      if (run(call()).has_value()) return true;
      run_until([] { return false; }, std::chrono::seconds(0));
      asio::steady_timer pause(io_, std::chrono::milliseconds(20));
      bool over = false;
      pause.async_wait([&](auto) { over = true; });
      run_until([&] { return over; });
    }
    return false;
  }

  Execution flushed(Execution e) {
    sql_->exec("CHECKPOINT");
    return e;
  }
};

// That it runs is not flushed by itself (docs/adr/0005).
TEST_F(Outages, ACrashMayTakeBackThatItRunsAndNothingElse) {
  const auto e = claimed();
  launch(e);
  auto running = step(e, Stage::Launching, Stage::Running, Reason::Running);
  running.started_at = now();
  ASSERT_TRUE(run(store_->record(running)).value());
  server_.restart(PostgresServer::Shutdown::Immediate);
  ASSERT_TRUE(eventually([&] { return store_->load(e.ref.execution); }));
  const auto stage = load(e.ref.execution).stage;
  EXPECT_TRUE(stage == Stage::Launching || stage == Stage::Running);
}

TEST_F(Outages, AnImmediateShutdownIsRetryAndTheStoreComesBackByItself) {
  const auto e = flushed(running());
  server_.stop(PostgresServer::Shutdown::Immediate);
  EXPECT_TRUE(lost_class(run(store_->finish(end(e, Stage::Running, Reason::Completed)))));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run(store_->load(e.ref.execution)).error().error_class, ErrorClass::Retry);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2))
      << "an outage costs callers no time";
  server_.start();
  ASSERT_TRUE(eventually([&] { return store_->load(e.ref.execution); }));
  EXPECT_EQ(load(e.ref.execution).stage, Stage::Running) << "nothing was written";
  EXPECT_TRUE(run(store_->finish(end(e, Stage::Running, Reason::Completed))).value());
}

TEST_F(Outages, AServerKilledUnderALoadLosesNothingItSaidWasWritten) {
  std::vector<Execution> rows;
  for (int i = 0; i < 40; ++i) rows.push_back(claimed());
  std::map<ExecutionId, std::string> said;
  std::size_t answered = 0;
  for (const auto& e : rows) {
    asio::co_spawn(io_, store_->finish(end(e, Stage::Claimed, Reason::EngineError)),
                   [&, id = e.ref.execution](const std::exception_ptr&, Result<bool> answer) {
                     said[id] = answer.has_value() ? (answer.value() ? "yes" : "no")
                                                   : to_string(answer.error().error_class);
                     ++answered;
                   });
  }
  run_until([&] { return answered > 0; });
  server_.kill9();
  ASSERT_TRUE(run_until([&] { return answered == rows.size(); }));
  server_.start();
  sql_ = std::make_unique<Sql>(url_);
  ASSERT_TRUE(eventually([&] { return store_->load(rows[0].ref.execution); }));
  for (const auto& [id, words] : said) {
    const auto stage = load(id).stage;
    EXPECT_NE(words, "no");
    if (words == "yes") EXPECT_EQ(stage, Stage::Finished) << id;
    if (words == "Retry") EXPECT_EQ(stage, Stage::Claimed) << id << ": Retry means that nothing was written";
  }
  EXPECT_EQ(sql_->value("SELECT (SELECT count(*) FROM slipway.outcomes) = (SELECT count(*) FROM "
                        "slipway.executions WHERE stage = 'Finished')"),
            "t");
}

TEST_F(Outages, ABackendEndedInTheMiddleOfAStepIsDoubtAndWritesNothing) {
  const auto e = running();
  Sql submitter(url_);
  submitter.exec("BEGIN; UPDATE slipway.executions SET labels = '{}'");
  std::optional<Result<bool>> answer;
  asio::co_spawn(io_, store_->finish(end(e, Stage::Running, Reason::Completed)),
                 [&](const std::exception_ptr&, Result<bool> said) { answer.emplace(std::move(said)); });
  run_until([&] { return sql_->value("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0"; });
  sql_->exec("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted");
  ASSERT_TRUE(run_until([&] { return answer.has_value(); }));
  EXPECT_EQ(answer->error().error_class, ErrorClass::Doubt);
  submitter.exec("COMMIT");
  EXPECT_EQ(load(e.ref.execution).stage, Stage::Running);
  EXPECT_TRUE(run(store_->finish(end(e, Stage::Running, Reason::Completed))).value());
}

TEST_F(Outages, AFrozenServerIsGivenUpWithinTheDeadline) {
  const auto e = running();
  store::PostgresOptions options;
  options.url = url_;
  options.node_name = "n1";
  options.pool_size = 2;
  options.statement_timeout = std::chrono::milliseconds(500);
  const auto probe = std::make_shared<Probe>();
  options.probe = probe;
  store::PostgresStore quick(options, io_.get_executor());
  register_as(quick, "n1");
  server_.pause();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(lost_class(run(quick.finish(end(e, Stage::Running, Reason::Completed)))));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  server_.resume();
  ASSERT_TRUE(eventually([&] { return quick.load(e.ref.execution); }));
  EXPECT_GE(probe->errors + probe->doubts, 1);
  EXPECT_GE(probe->queries, 2);
  EXPECT_EQ(probe->batches, 1);
}

TEST_F(Outages, ARestartBetweenTwoCallsGoesUnnoticed) {
  const auto e = flushed(running());
  server_.restart(PostgresServer::Shutdown::Immediate);
  EXPECT_TRUE(run(store_->record(step(e, Stage::Running, Stage::Running, Reason::Running))).value());
  EXPECT_EQ(load(e.ref.execution).stage, Stage::Running);
  server_.restart();
  EXPECT_TRUE(run(store_->finish(end(e, Stage::Running, Reason::Completed))).value());
}

TEST_F(Outages, ClosingDoesNotWaitForAFrozenServer) {
  store_->watch([](const store::Hint&) {});
  ASSERT_TRUE(run(store_->hold_name()).has_value());
  server_.pause();
  asio::co_spawn(io_, store_->fold_outcomes(1), asio::detached);
  asio::co_spawn(io_, store_->hold_name(), asio::detached);
  run_until([] { return false; }, std::chrono::seconds(0));
  const auto begin = std::chrono::steady_clock::now();
  store_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
  server_.resume();
}

TEST_F(Outages, AReadOnlyServerIsRetry) {
  const auto e = running();
  sql_->exec("ALTER SYSTEM SET default_transaction_read_only = on");
  sql_->exec("SELECT pg_reload_conf()");
  ASSERT_TRUE(run_until([&] { return Sql(url_).value("SHOW default_transaction_read_only") == "on"; }));
  EXPECT_EQ(run(store_->finish(end(e, Stage::Running, Reason::Completed))).error().error_class,
            ErrorClass::Retry);
  EXPECT_TRUE(run(store_->load(e.ref.execution)).has_value());
  Sql back(url_);
  back.exec("SET default_transaction_read_only = off");
  back.exec("ALTER SYSTEM RESET default_transaction_read_only");
  back.exec("SELECT pg_reload_conf()");
  ASSERT_TRUE(run_until([&] { return Sql(url_).value("SHOW default_transaction_read_only") == "off"; }));
  EXPECT_TRUE(eventually([&] { return store_->finish(end(e, Stage::Running, Reason::Completed)); }));
  EXPECT_EQ(load(e.ref.execution).stage, Stage::Finished);
}

TEST_F(Outages, HintsComeAndAReconnectionSaysResync) {
  std::vector<store::Hint> hints;
  const auto seen = [&](store::Hint::Kind kind, const ExecutionId& id = "") {
    return std::ranges::any_of(hints, [&](const auto& hint) { return hint.kind == kind && hint.id == id; });
  };
  store_->watch([&](const store::Hint& hint) { hints.push_back(hint); });
  ASSERT_TRUE(run_until([&] {
    return sql_->value(
               "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'slipwayd listener' AND query "
               "LIKE 'LISTEN%' AND state = 'idle'") == "1";
  }));
  const auto e = running();
  EXPECT_FALSE(seen(store::Hint::Kind::Work)) << "nobody is idle: the doorbell is not rung";
  ASSERT_TRUE(run(store_->set_idle(true)).has_value());
  insert();
  EXPECT_TRUE(run_until([&] { return seen(store::Hint::Kind::Work); }));
  sql_->exec("UPDATE slipway.executions SET cancel_requested = true WHERE id = '" + e.ref.execution + "'");
  EXPECT_TRUE(run_until([&] { return seen(store::Hint::Kind::Changed, e.ref.execution); }));
  EXPECT_FALSE(seen(store::Hint::Kind::Resync));
  server_.restart(PostgresServer::Shutdown::Immediate);
  sql_ = std::make_unique<Sql>(url_);
  EXPECT_TRUE(run_until([&] { return seen(store::Hint::Kind::Resync); }));
  hints.clear();
  sql_->exec("UPDATE slipway.executions SET timeout_seconds = 7 WHERE id = '" + e.ref.execution + "'");
  EXPECT_TRUE(run_until([&] { return seen(store::Hint::Kind::Changed, e.ref.execution); }));
  store_->unwatch();
}

TEST_F(Outages, WhatAStrangerNotifiesIsNoHintUnlessItIsAnId) {
  std::vector<store::Hint> hints;
  store_->watch([&](const store::Hint& hint) { hints.push_back(hint); });
  ASSERT_TRUE(run_until([&] { return store_->hears_hints(); }));
  const std::string id = "01890000-0000-7000-8000-000000000001";
  ASSERT_TRUE(run_until([&] {
    sql_->exec(
        "DO $$ BEGIN FOR i IN 1..100 LOOP PERFORM pg_notify('slipway_changed', 'trash-' || i); END LOOP; END "
        "$$");
    sql_->exec("SELECT pg_notify('slipway_changed', ''), pg_notify('slipway_changed', repeat('a', 36))");
    sql_->exec("SELECT pg_notify('slipway_work', 'whatever'), pg_notify('slipway_changed', '" + id + "')");
    return !hints.empty();
  }));
  ASSERT_TRUE(run_until([&] { return hints.size() >= 2; }));
  for (const auto& hint : hints) EXPECT_EQ(hint.id, hint.kind == store::Hint::Kind::Changed ? id : "");
  store_->unwatch();
}

TEST_F(Outages, TheDoorbellRingsOnceATransactionAndFinishesAreTold) {
  ASSERT_TRUE(run(store_->set_idle(true)).has_value());
  Sql listener(url_);
  listener.exec("LISTEN slipway_work; LISTEN slipway_finished");
  sql_->exec(
      "INSERT INTO slipway.executions (user_id, agent, input) SELECT 'u', 'echo', '{}' FROM "
      "generate_series(1, 50)");
  EXPECT_EQ(listener.notifications(5000).size(), 1U);
  ASSERT_TRUE(run(store_->set_idle(false)).has_value());
  const auto e = claimed();
  ASSERT_TRUE(run(store_->finish(end(e, Stage::Claimed, Reason::EngineError))).value());
  const auto told = listener.notifications(5000);
  ASSERT_EQ(told.size(), 1U) << "an insert rings nothing while nobody is idle";
  EXPECT_EQ(told[0], (std::pair<std::string, std::string>("slipway_finished", "")));
}

// The queue is the whole server's, and 8 GiB: that it is half full is said here by the function that is
// asked.
TEST_F(Outages, AFullQueueOfNotificationsFailsNoCommit) {
  ASSERT_TRUE(run(store_->set_idle(true)).has_value());
  const auto body = sql_->value("SELECT pg_get_functiondef('slipway.may_notify()'::regprocedure)");
  EXPECT_NE(body.find("pg_notification_queue_usage() < "), std::string::npos) << body;
  sql_->exec("CREATE OR REPLACE FUNCTION slipway.may_notify() RETURNS boolean LANGUAGE sql RETURN false");
  Sql listener(url_);
  listener.exec("LISTEN slipway_work; LISTEN slipway_changed; LISTEN slipway_finished");
  const auto e = running();
  sql_->query("UPDATE slipway.executions SET cancel_requested = true WHERE id = $1", {e.ref.execution});
  ASSERT_TRUE(run(store_->finish(end(e, Stage::Running, Reason::Cancelled))).value());
  EXPECT_TRUE(listener.notifications(200).empty());
  EXPECT_EQ(sql_->value("SELECT count(*) FROM pg_proc WHERE pronamespace = 'slipway'::regnamespace AND "
                        "proname <> 'tell' AND "
                        "prosrc ~ 'pg_notify'"),
            "0")
      << "one place tells";
}

TEST_F(Outages, ASecondProcessOfTheNameIsRefusedUntilTheFirstIsGone) {
  auto second = open();
  ASSERT_TRUE(run(store_->hold_name()).has_value());
  EXPECT_TRUE(run(store_->hold_name()).has_value()) << "asking again verifies";
  EXPECT_EQ(run(second->hold_name()).error().error_class, ErrorClass::Conflict);
  auto other = open("n2");
  EXPECT_TRUE(run(other->hold_name()).has_value()) << "another name is another lock";
  server_.restart(PostgresServer::Shutdown::Immediate);
  ASSERT_TRUE(eventually([&] { return store_->hold_name(); })) << "taken back after the session was lost";
  EXPECT_TRUE(run_until([&] { return !run(second->hold_name()).has_value(); }));
  store_.reset();
  EXPECT_TRUE(eventually([&] { return second->hold_name(); }));
}

TEST_F(Outages, ClosingAnswersEveryWaitingCall) {
  const auto e = running();
  Sql submitter(url_);
  submitter.exec("BEGIN; UPDATE slipway.executions SET labels = '{}'");
  int answers = 0;
  for (int i = 0; i < 5; ++i) {
    asio::co_spawn(
        io_, store_->finish(end(e, Stage::Running, Reason::Completed)),
        [&](const std::exception_ptr&, Result<bool> answer) { answers += answer.has_error() ? 1 : 100; });
  }
  run_until([&] { return sql_->value("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0"; });
  store_.reset();
  EXPECT_TRUE(run_until([&] { return answers == 5; }));
}

}  // namespace
}  // namespace slipway::test

#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "store/postgres/postgres_store.h"
#include "test/support/postgres_server/everyone_entitled.h"

namespace slipway::test {

namespace asio = boost::asio;

/// A database of its own, a store on it registered as node "n1", and short ways to bring rows to a stage.
class StoreRig : public ::testing::Test {
 protected:
  /// The same database for two: whose word sets up what the test needs, and whom the stores log in as.
  struct Urls {
    std::string owner, store;
  };
  explicit StoreRig(PostgresServer& server = PostgresServer::shared())
      : StoreRig(server, server.create_migrated_database()) {}
  StoreRig(PostgresServer& server, const std::string& url) : StoreRig(server, Urls{url, url}) {}
  StoreRig(PostgresServer& server, const Urls& urls)
      : server_(server),
        url_(urls.owner),
        store_url_(urls.store),
        sql_(std::make_unique<Sql>(url_)),
        store_(open()) {
    entitle_everyone(*sql_);
    register_as(*store_, "n1");
    sql_->exec(
        R"(INSERT INTO slipway.agents (name, spec) VALUES ('echo', '{"image": "echo:1", "price": "0.05", "timeout": "1m", "maxTimeout": "2m", "retry": {"limit": 2}}'))");
  }

  std::unique_ptr<store::PostgresStore> open(const std::string& node = "n1") {
    store::PostgresOptions options;
    options.url = store_url_;
    options.node_name = node;
    return std::make_unique<store::PostgresStore>(options, io_.get_executor());
  }

  /// Runs the loop until the call has answered (20 s at most).
  template <class T>
  T run(asio::awaitable<T> call) {
    std::optional<T> answer;
    asio::co_spawn(io_, std::move(call), [&](const std::exception_ptr& error, T value) {
      if (error) std::rethrow_exception(error);
      answer.emplace(std::move(value));
    });
    run_until([&] { return answer.has_value(); });
    if (!answer) throw std::runtime_error("the call did not answer in time");
    return std::move(*answer);
  }

  template <class Condition>
  bool run_until(Condition condition, std::chrono::seconds limit = std::chrono::seconds(20)) {
    io_.restart();
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition() && std::chrono::steady_clock::now() < end) {
      io_.run_for(std::chrono::milliseconds(2));
      io_.restart();
    }
    return condition();
  }

  store::NodeState register_as(store::PostgresStore& store, const std::string& node) {
    const auto state =
        run(store.register_node({.name = node, .instance_id = "i-" + node, .slots = 4, .version = "1"}));
    if (!state) throw std::runtime_error(state.error().message);
    return *state;
  }

  ExecutionId insert(const std::string& user = "u-1", const std::string& agent = "echo") {
    return sql_->value(
        "INSERT INTO slipway.executions (user_id, agent, input) VALUES ($1, $2, '{}') RETURNING id",
        {user, agent});
  }
  void admit(const ExecutionId& id) {
    const auto count =
        run(store_->decide({{.id = id, .agent_revision = 1, .timeout_seconds = 60, .retry_limit = 2}}));
    ASSERT_EQ(std::ssize(count.value()), 1);
  }
  ExecutionId queued(const std::string& user = "u-1") {
    const auto id = insert(user);
    admit(id);
    return id;
  }
  Execution claimed(const std::string& user = "u-1") {
    const auto id = queued(user);
    EXPECT_EQ(store::taken(run(store_->claim({id})).value()).size(), 1U);
    return load(id);
  }
  Execution load(const ExecutionId& id) { return run(store_->load(id)).value(); }

  TimePoint now() { return TimePoint(std::chrono::floor<Duration>(std::chrono::system_clock::now())); }

  store::Transition step(const Execution& e, Stage from, Stage to, Reason reason = Reason::Starting) {
    return {.id = e.ref.execution, .claim = e.ref.claim, .from = from, .to = to, .reason = reason};
  }
  void launch(const Execution& e) {
    auto intent = step(e, Stage::Claimed, Stage::Launching);
    intent.unless_cancelled = true;
    intent.engine = "1@2";
    intent.intent_at = now();
    ASSERT_TRUE(run(store_->record(intent)).value());
  }
  void start(const Execution& e) {
    launch(e);
    auto start = step(e, Stage::Launching, Stage::Running, Reason::Running);
    start.started_at = now();
    start.deadline_at = now() + std::chrono::minutes(1);
    ASSERT_TRUE(run(store_->record(start)).value());
  }
  Execution running(const std::string& user = "u-1") {
    const auto e = claimed(user);
    start(e);
    return load(e.ref.execution);
  }
  void stop(const Execution& e) {
    auto verdict = step(e, Stage::Running, Stage::Stopping, Reason::Stopping);
    verdict.verdict = Verdict::Cancel;
    verdict.kill_at = now();
    ASSERT_TRUE(run(store_->record(verdict)).value());
  }
  store::Finish end(const Execution& e, Stage from, Reason reason) {
    store::Finish finish{.id = e.ref.execution, .claim = e.ref.claim, .from = from, .reason = reason};
    finish.attempt.reason = reason;
    if (reason == Reason::Completed) finish.output = R"({"ok":true})", finish.attempt.exit_code = 0;
    return finish;
  }
  store::Recycle again(const Execution& e, Stage from) {
    return {.id = e.ref.execution,
            .claim = e.ref.claim,
            .from = from,
            .attempt = {.reason = Reason::Interrupted, .started = true}};
  }

  PostgresServer& server_;
  std::string url_, store_url_;
  asio::io_context io_{1};
  std::unique_ptr<Sql> sql_;
  std::unique_ptr<store::PostgresStore> store_;
};

}  // namespace slipway::test

// A real PostgreSQL that refuses one statement after the other as data: the row at fault ends, the others
// complete, and the books balance. The node is a real one, on a simulated engine in real time.

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <set>

#include "node/node.h"
#include "runtime/simulated/simulated_runtime.h"
#include "store/postgres/postgres_store.h"
#include "test/support/postgres_server/everyone_entitled.h"
#include "test/support/proxy/proxy.h"
#include "test/support/simulation/virtual_timers.h"

namespace slipway::simulation {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

/// The database's time, on the clock that the engine's time passes on.
class DatabaseClock final : public Clock {
 public:
  explicit DatabaseClock(const runtime::VirtualClock& engine) : engine_(engine) {}
  TimePoint now() const override { return engine_.now() + ahead_; }
  Duration monotonic() const override { return engine_.monotonic(); }

 private:
  const runtime::VirtualClock& engine_;
  const Duration ahead_ = std::chrono::floor<Duration>(std::chrono::system_clock::now()) - engine_.now();
};

/// Refuses the n-th statement from when it was armed, of those that are about rows.
class Refuser {
 public:
  void arm(int n, std::string code) {
    const std::lock_guard lock(mutex_);
    left_ = n, code_ = std::move(code), refused_.clear();
  }
  /// Refuses every statement of this name from now on.
  void refuse_all(std::string name, std::string code) {
    const std::lock_guard lock(mutex_);
    always_ = std::move(name), code_ = std::move(code);
  }
  /// The name of what was refused; empty: not yet.
  std::string refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }
  std::string ask(const std::string& name) {
    static const std::set<std::string> others = {"register_node", "lock_node", "heartbeat", "act_as",
                                                 "hold_name"};
    const std::lock_guard lock(mutex_);
    if (!always_.empty() && name == always_) return code_;
    if (others.contains(name) || left_ < 0 || left_-- > 0) return "";
    refused_ = name;
    return code_;
  }

 private:
  mutable std::mutex mutex_;
  int left_ = -1;
  std::string code_, refused_, always_;
};

/// A node, its database behind the proxy, and the engine, in real time.
class RefusingDatabase : public ::testing::Test {
 protected:
  RefusingDatabase() {
    const auto file = "/.s.PGSQL." + std::to_string(server_.port());
    const auto directory = server_.directory() / "proxy";
    std::filesystem::create_directory(directory);
    proxy_ = std::make_unique<test::Proxy>(
        directory.string() + file, server_.directory().string() + file, test::postgres_dialect(true),
        [](const std::string&, test::Moment) { return true; },
        [this](const std::string& name) { return refuser_.ask(name); });
    store::PostgresOptions options;
    options.url = url_;
    const auto at = options.url.find(server_.directory().string());
    options.url.replace(at, server_.directory().string().size(), directory.string());
    options.node_name = "n1";
    store_ = std::make_unique<store::PostgresStore>(options, io_->get_executor());
    test::entitle_everyone(sql_);
    offer("story", {.runs_for = 30ms, .result = R"({"answer":42})", .stdout_text = "hello\n"});
    node_ = std::make_unique<node::Node>(settings(), parts(), hooks());
    bool open = false;
    asio::co_spawn(*io_, open_node(), [&](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
      open = true;
    });
    if (!run_until([&] { return open; })) throw std::runtime_error("the node does not open");
  }
  ~RefusingDatabase() override {
    node_->stop();
    run_until([&] { return node_->idle(); });
    store_->unwatch();
    runtime_.abandon();
    store_.reset();
    io_.reset();
  }

  void offer(const std::string& name, runtime::Workload workload) {
    engine_.add_image(name, std::move(workload));
    sql_.query("INSERT INTO slipway.agents (name, spec) VALUES ($1, json_build_object('image', $2::text))",
               {name, name});
  }
  ExecutionId submit(const std::string& agent = "story") {
    return sql_.value(
        "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u', $1, '{}') RETURNING id",
        {agent});
  }
  bool all_cleaned() {
    return sql_.value(
               "SELECT NOT EXISTS (SELECT FROM slipway.executions WHERE stage <> 'Cleaned' AND NOT (stage = "
               "'Finished' AND node IS NULL))") == "t";
  }

  /// Lets time pass and answers come, until the condition holds.
  template <class Condition>
  bool run_until(Condition condition, std::chrono::seconds limit = 30s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      const auto next = std::chrono::steady_clock::now() + 5ms;
      while (std::chrono::steady_clock::now() < next) {
        clock_.advance_to(origin_ + std::chrono::floor<Duration>(std::chrono::steady_clock::now() - began_));
        io_->restart();
        io_->run_for(1ms);
      }
    }
    return true;
  }

  Refuser refuser_;
  test::PostgresServer& server_ = test::PostgresServer::shared();
  const std::string url_ = server_.create_migrated_database();
  test::Sql sql_{url_};

 private:
  static node::Settings settings() {
    node::Settings settings;
    settings.name = "n1";
    settings.instance_id = "instance-1";
    settings.version = "1";
    settings.slots = 4;
    settings.starts = 4;
    settings.resync = 500ms;
    return settings;
  }
  node::Parts parts() {
    return {.store = *store_,
            .runtime = runtime_,
            .clock = database_clock_,
            .timers = timers_,
            .io = io_->get_executor(),
            .pool = io_->get_executor(),
            .random = [] { return [] { return 0.5; }; },
            .executions = probe_,
            .contracts = contracts_};
  }
  static node::Hooks hooks() {
    return {.probe_of = [](const std::string&) -> controller::ControllerProbe* { return nullptr; },
            .engine_answers = [] { return true; },
            .on_time = [](TimePoint, Duration) {},
            .on_taken_over = [] {},
            .on_lease_lost = [] {},
            .on_totals = [](const store::Totals&, Duration) {},
            .on_pull = [](Duration) {},
            .on_orphans = [](int) {}};
  }
  asio::awaitable<void> open_node() {
    const bool up = (co_await node_->probe()).has_value() && (co_await node_->register_node()).has_value() &&
                    (co_await node_->adopt()).has_value();
    if (!up) throw std::runtime_error("the node does not open");
    node_->start();
  }

  std::unique_ptr<asio::io_context> io_ = std::make_unique<asio::io_context>(1);
  runtime::VirtualClock clock_;
  const TimePoint origin_ = clock_.now();
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  DatabaseClock database_clock_{clock_};
  runtime::SimulatedEngine engine_{clock_};
  runtime::SimulatedRuntime runtime_{engine_, "instance-1", io_->get_executor()};
  VirtualTimers timers_{clock_};
  reconcilers::ExecutionProbe probe_;
  admission::Contracts contracts_;
  std::unique_ptr<test::Proxy> proxy_;
  std::unique_ptr<store::PostgresStore> store_;
  std::unique_ptr<node::Node> node_;
};

/// Past this many statements three executions have long come to their ends.
constexpr int kStatements = 40;
constexpr int kRows = 3;

TEST_F(RefusingDatabase, TheNthStatementIsRefusedAndEveryRowIsCleanedAndNoOtherRowNotices) {
  std::set<std::string> kinds;  // of statements that were refused, by the first word
  for (int n = 0; n < 2 * kStatements; ++n) {
    refuser_.arm(n / 2, n % 2 == 0 ? "22P02" : "23514");
    for (int i = 0; i < kRows; ++i) submit();
    const bool cleaned = run_until([&] { return all_cleaned(); });
    SCOPED_TRACE("statement " + std::to_string(n / 2) + ": " + refuser_.refused());
    kinds.insert(refuser_.refused().substr(0, refuser_.refused().find(' ')));
    ASSERT_TRUE(cleaned) << sql_.value(
        "SELECT string_agg(stage || ' ' || reason || ' ' || coalesce(message, ''), '; ') FROM "
        "slipway.executions");
    EXPECT_LE(sql_.value("SELECT count(*) FROM slipway.executions WHERE status <> 'COMPLETED'"), "1");
    EXPECT_EQ(sql_.value("SELECT count(*) FROM slipway.entitlement_spends WHERE settled_at IS NULL"), "0");
    EXPECT_EQ(sql_.value("SELECT sum(running) + sum(queued) FROM slipway.user_usage"), "0");
    sql_.exec("DELETE FROM slipway.executions");
  }
  for (const char* kind : {"list_undecided", "decide", "list_candidates", "claim", "load", "move", "end"})
    EXPECT_TRUE(kinds.contains(kind)) << kind << " was never refused";
}

/// "STATUS Reason" of one row.
constexpr const char* kEnd = "SELECT status || ' ' || reason FROM slipway.executions WHERE id = $1";

TEST_F(RefusingDatabase, AnInputThatIsCutInsideACharacterHoldsUpNobody) {
  std::vector<ExecutionId> poison;
  for (int before = 44; before < 66; ++before) {
    const auto a = "repeat('a', " + std::to_string(before) + ")";
    poison.push_back(
        sql_.value("INSERT INTO slipway.executions (user_id, agent, input) VALUES ('v', 'story', ('{\"' || " +
                   a + " || 'é\":1,\"' || " + a + " || 'é\":2}')::json) RETURNING id"));
  }
  const auto neighbour = submit();
  ASSERT_TRUE(run_until([&] { return all_cleaned(); }));
  for (const auto& id : poison) EXPECT_EQ(sql_.value(kEnd, {id}), "FAILED InputInvalid");
  EXPECT_EQ(sql_.value(kEnd, {neighbour}), "COMPLETED Completed");
}

TEST_F(RefusingDatabase, AResultThatPostgresCannotHoldIsOutputInvalid) {
  using namespace std::string_literals;
  const std::vector<std::string> results = {
      "{\"ok\":true}\0"s, "1\0"s,      "{}\0{}"s,   R"({"a":"\u0000"})",       "\"\xff\"",
      "1e400000",         "-1e400000", "1e-400000", std::string(100'000, '['), R"("\ud800")"};
  std::vector<ExecutionId> ids;
  for (const auto& result : results) {
    const auto agent = "agent-" + std::to_string(ids.size());
    offer(agent, {.runs_for = 10ms, .result = result, .stdout_text = "a\0b\xff"s});
    ids.push_back(submit(agent));
  }
  const auto neighbour = submit();
  ASSERT_TRUE(run_until([&] { return all_cleaned(); }));
  for (const auto& id : ids) EXPECT_EQ(sql_.value(kEnd, {id}), "FAILED OutputInvalid");
  EXPECT_EQ(sql_.value("SELECT count(*) FROM slipway.executions WHERE reason = 'OutputInvalid' AND message "
                       "LIKE 'The agent''s result is "
                       "not what was promised: %'"),
            std::to_string(ids.size()));
  EXPECT_EQ(sql_.value(kEnd, {neighbour}), "COMPLETED Completed");
}

TEST_F(RefusingDatabase, AnInputThatCannotBeReadEndsItsExecution) {
  refuser_.refuse_all("load_input", "22P02");
  const auto large = sql_.value(
      "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('v', 'story', to_json(repeat('x', "
      "20000))) "
      "RETURNING id");
  const auto neighbour = submit();
  ASSERT_TRUE(run_until([&] { return all_cleaned(); }));
  EXPECT_EQ(sql_.value(kEnd, {large}), "FAILED EngineError");
  EXPECT_EQ(sql_.value(kEnd, {neighbour}), "COMPLETED Completed");
}

/// Whatever the checks before have let through.
TEST_F(RefusingDatabase, AnEndThatIsRefusedIsWrittenInTheNextSimplerForm) {
  sql_.exec("ALTER TABLE slipway.executions ADD CHECK (octet_length(output::text) < 100)");
  sql_.exec("ALTER TABLE slipway.execution_log_chunks ADD CHECK (position('evil'::bytea IN bytes) = 0)");
  offer("large", {.runs_for = 10ms, .result = "\"" + std::string(200, 'x') + "\""});
  offer("evil", {.runs_for = 10ms, .result = "{}", .stdout_text = "evil\n"});
  const auto large = submit("large"), evil = submit("evil"), neighbour = submit();
  ASSERT_TRUE(run_until([&] { return all_cleaned(); }));
  EXPECT_EQ(sql_.value(kEnd, {large}), "FAILED OutputInvalid");
  EXPECT_EQ(sql_.value(kEnd, {evil}), "COMPLETED Completed")
      << "what it said is lost, what it was run for is not";
  EXPECT_EQ(sql_.value(kEnd, {neighbour}), "COMPLETED Completed");
}

}  // namespace
}  // namespace slipway::simulation

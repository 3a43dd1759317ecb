// A daemon whose url leads through pgbouncer in transaction mode, and whose listen_url goes past it.
#include "store/postgres/migrate.h"
#include "store/postgres/postgres_catalog.h"
#include "test/store/store_rig.h"
#include "test/support/pgbouncer/pgbouncer.h"

namespace slipway::test {
namespace {

PostgresServer& tcp_server() {
  static PostgresServer server({.tcp = true});
  return server;
}
PgBouncer& bouncer() {
  static PgBouncer one(tcp_server().port());
  return one;
}
std::string database_of(const std::string& url) {
  Sql sql(url);
  return sql.value("SELECT current_database()");
}
struct Place {
  std::string owner = tcp_server().create_migrated_database();
  std::string pooled = bouncer().url(database_of(owner));
};

class Pooler : public StoreRig {
 protected:
  Pooler() : Pooler(Place()) {}
  explicit Pooler(const Place& place) : StoreRig(tcp_server(), Urls{place.owner, place.pooled}) {}

  std::unique_ptr<store::PostgresStore> open_past(const std::string& listen_url) {
    store::PostgresOptions options;
    options.url = store_url_;
    options.listen_url = listen_url;
    options.node_name = "n1";
    return std::make_unique<store::PostgresStore>(options, io_.get_executor());
  }
  static bool written(const Result<bool>& answer) { return answer.has_value() && *answer; }
  asio::awaitable<std::string> live(ExecutionId id) {
    const auto taken = co_await store_->claim({id});
    if (!taken) co_return "claim: " + taken.error().message;
    const auto row = co_await store_->load(id);
    if (!row) co_return "load: " + row.error().message;
    auto intent = step(*row, Stage::Claimed, Stage::Launching);
    intent.engine = "1@2", intent.intent_at = now();
    if (!written(co_await store_->record(intent))) co_return "launch";
    auto begin = step(*row, Stage::Launching, Stage::Running, Reason::Running);
    begin.started_at = now();
    if (!written(co_await store_->record(begin))) co_return "run";
    if (!written(co_await store_->finish(end(*row, Stage::Running, Reason::Completed)))) co_return "finish";
    if (!written(co_await store_->record(step(*row, Stage::Finished, Stage::Cleaned, Reason::Completed))))
      co_return "clean";
    co_return "";
  }
  /// What sessions behind the pooler, each asked, would hand to whoever comes next.
  void expect_nothing_left() {
    for (int i = 0; i < 8; ++i) {
      Sql next(store_url_);
      EXPECT_EQ(next.value("SELECT count(*) FROM pg_prepared_statements"), "0");
      EXPECT_EQ(next.value("SELECT string_agg(name || '=' || setting, ' ') FROM pg_settings WHERE source = "
                           "'session' AND name NOT IN ('application_name', 'transaction_isolation')"),
                "");
      EXPECT_EQ(
          next.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"),
          "0");
      EXPECT_EQ(next.value("SELECT count(*) FROM pg_listening_channels()"), "0");
    }
  }
};

TEST_F(Pooler, ManyLivesPassAndNothingIsLeftInItsSessions) {
  store_ = open_past(url_);
  ASSERT_TRUE(run(store_->hold_name()).has_value());
  int hints = 0;
  store_->watch([&](const store::Hint&) { ++hints; });
  ASSERT_TRUE(run_until([&] { return store_->hears_hints(); }));
  register_as(*store_, "n1");
  ASSERT_TRUE(run(store_->set_idle(true)).has_value());
  std::vector<ExecutionId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(insert("u-" + std::to_string(i)));
  EXPECT_TRUE(run_until([&] { return hints > 0; }));
  for (const auto& id : ids) admit(id);
  // Four connections at once, and two sessions for them: each transaction may come to another.
  int ended = 0;
  for (const auto& id : ids) {
    asio::co_spawn(io_, live(id), [&](const std::exception_ptr&, std::string problem) {
      EXPECT_EQ(problem, "");
      ++ended;
    });
  }
  ASSERT_TRUE(run_until([&] { return ended == 20; }, std::chrono::seconds(60)));
  EXPECT_EQ(
      sql_->value("SELECT count(*) FROM slipway.executions WHERE stage = 'Cleaned' AND status = 'COMPLETED'"),
      "20");
  EXPECT_TRUE(store::postgres::PostgresCatalog(store_url_).now().has_value());
  expect_nothing_left();
}

TEST_F(Pooler, WithoutAWayPastItTheNameIsNotHeldAndNoHintPromised) {
  store_ = open_past("");
  const auto held = run(store_->hold_name());
  ASSERT_FALSE(held.has_value());
  EXPECT_NE(held.error().message.find("listen_url"), std::string::npos) << held.error().message;
  store_->watch([](const store::Hint&) {});
  EXPECT_FALSE(run_until([&] { return store_->hears_hints(); }, std::chrono::seconds(1)));
  store_->unwatch();
  expect_nothing_left();
}

TEST_F(Pooler, AMigrationPassesThroughIt) {
  const auto url = bouncer().url(database_of(tcp_server().create_database()));
  const auto applied = store::postgres::migrate(url);
  ASSERT_TRUE(applied.has_value()) << applied.error().message;
  EXPECT_EQ(store::postgres::check_schema(url)->verdict, store::postgres::SchemaCheck::Verdict::Fits);
}

}  // namespace
}  // namespace slipway::test

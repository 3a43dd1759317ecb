// Money and limits under many hands: clients that insert at once and hold their transactions open, claimers
// that race.

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <cstdio>
#include <thread>

#include "store/postgres/postgres_store.h"
#include "test/store/store_rig.h"

namespace slipway::test {
namespace {

/// A node that decides, claims and ends what it claimed, on a thread of its own, until it is told to stop.
class Claimant {
 public:
  Claimant(const std::string& url, const std::string& name) {
    thread_ = std::thread([this, url, name] { work(url, name); });
  }
  ~Claimant() {
    stop_ = true;
    thread_.join();
  }
  int starts() const { return starts_; }

 private:
  void work(const std::string& url, const std::string& name) {
    asio::io_context io{1};
    store::PostgresStore store({.url = url, .node_name = name}, io.get_executor());
    asio::co_spawn(io, lead(store, name), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    io.run();
  }

  asio::awaitable<void> lead(store::PostgresStore& store, std::string name) {
    co_await store.register_node({.name = name, .instance_id = "i-" + name, .slots = 8, .version = "1"});
    while (!stop_) {
      std::vector<store::Decision> decisions;
      const auto undecided = co_await store.list_undecided(100);
      if (undecided.has_value()) {
        for (const auto& row : *undecided)
          decisions.push_back({.id = row.id, .agent_revision = row.agent_revision, .timeout_seconds = 60});
      }
      if (!decisions.empty()) co_await store.decide(decisions);
      const auto offers = co_await store.list_candidates(8);
      if (!offers || offers->empty()) continue;
      const auto claimed = co_await store.claim(*offers);
      if (!claimed) continue;
      for (const auto& id : store::taken(*claimed)) co_await end(store, id);
    }
  }

  asio::awaitable<void> end(store::PostgresStore& store, const ExecutionId& id) {
    const auto row = co_await store.load(id);
    ++starts_;
    const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    store::Transition step{.id = id, .claim = row->ref.claim, .from = Stage::Claimed, .to = Stage::Launching};
    step.intent_at = now;
    step.engine = "1@1";
    co_await store.record(step);
    step.from = Stage::Launching, step.to = Stage::Running, step.reason = Reason::Running;
    step.started_at = now;
    co_await store.record(step);
    store::Finish finish{.id = id, .claim = row->ref.claim, .from = Stage::Running, .output = "{}"};
    finish.attempt = {.reason = Reason::Completed, .exit_code = 0, .started = true};
    co_await store.finish(finish);
  }

  std::atomic<bool> stop_{false};
  std::atomic<int> starts_{0};
  std::thread thread_;
};

class Admission : public StoreRig {
 protected:
  Admission() { sql_->exec("DROP TRIGGER aa_entitle_submitter ON slipway.executions"); }

  void grant(const std::string& user, int uses) {
    sql_->query("INSERT INTO slipway.entitlements (id, user_id, agent, uses) VALUES ($1, $2, 'echo', $3)",
                {user, user, std::to_string(uses)});
  }
  void quota(const std::string& user, const std::string& columns, const std::string& values) {
    sql_->exec("INSERT INTO slipway.quotas (user_id, " + columns + ") VALUES ('" + user + "', " + values +
               ")");
  }
  /// `count` clients insert one row each at the same moment; each holds its transaction open until all have
  /// inserted.
  void insert_from_many(const std::string& user, int count) {
    std::barrier together(count);
    std::vector<std::thread> clients;
    for (int i = 0; i < count; ++i)
      clients.emplace_back([&] {
        Sql client(url_);
        client.exec("BEGIN");
        client.query("INSERT INTO slipway.executions (user_id, agent, input) VALUES ($1, 'echo', '{}')",
                     {user});
        together.arrive_and_wait();
        client.exec("COMMIT");
      });
    for (auto& client : clients) client.join();
  }
  std::string count(const std::string& condition) {
    return sql_->value("SELECT count(*) FROM slipway.executions WHERE " + condition);
  }
  bool all_final() { return count("finished_at IS NULL") == "0"; }
  /// The ledger and the counts agree with the rows, whatever happened.
  void expect_balanced() {
    EXPECT_EQ(
        sql_->value("SELECT count(*) FROM slipway.entitlements n WHERE n.used <> (SELECT count(*) FROM "
                    "slipway.entitlement_spends s WHERE s.entitlement_id = n.id AND s.refunded_at IS NULL)"),
        "0");
    EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.entitlements WHERE used > uses"), "0");
    EXPECT_EQ(sql_->value("SELECT coalesce(sum(running), 0) FROM slipway.user_usage"),
              count("finished_at IS NULL AND live"));
    EXPECT_EQ(sql_->value("SELECT coalesce(sum(queued), 0) FROM slipway.user_usage"),
              count("stage IN ('Deferred', 'Queued')"));
  }
};

TEST_F(Admission, SixtyFourClientsAndTwoClaimersSpendFiftyUsesFiftyTimes) {
  grant("u-50", 50);
  store_.reset();
  int starts = 0;
  {
    Claimant one(url_, "n-one"), two(url_, "n-two");
    insert_from_many("u-50", 64);
    EXPECT_TRUE(run_until([&] { return all_final(); }, std::chrono::seconds(60)));
    starts = one.starts() + two.starts();
  }
  EXPECT_EQ(count("status = 'COMPLETED'"), "50");
  EXPECT_EQ(count("reason = 'EntitlementExhausted'"), "14");
  EXPECT_EQ(starts, 50);
  EXPECT_EQ(sql_->value("SELECT used FROM slipway.entitlements WHERE id = 'u-50'"), "50");
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.entitlement_spends WHERE refunded_at IS NULL"), "50");
  expect_balanced();
}

TEST_F(Admission, TheRateHoldsExactlyThoughTransactionsAreHeldOpen) {
  grant("u-rate", 1000);
  quota("u-rate", "per_minute", "10");
  store_.reset();
  {
    Claimant one(url_, "n-one"), two(url_, "n-two");
    insert_from_many("u-rate", 48);
    EXPECT_TRUE(run_until([&] { return all_final(); }, std::chrono::seconds(60)));
  }
  const auto minutes = sql_->query(
      "SELECT date_trunc('minute', (conditions ->> 'Admitted')::timestamptz), count(*) FROM "
      "slipway.executions "
      "WHERE conditions ? 'Admitted' GROUP BY 1");
  for (const auto& minute : minutes) EXPECT_LE(std::stoi(*minute[1]), 10) << *minute[0];
  if (minutes.size() == 1) EXPECT_EQ(*minutes[0][1], "10") << "and not one less";
  EXPECT_EQ(count("reason = 'RateLimited' AND message LIKE '% Try again at __:__ UTC.'"),
            count("reason = 'RateLimited'"));
  expect_balanced();
}

TEST_F(Admission, NoMoreRunAtOnceThanMayThoughClaimersRace) {
  grant("u-run", 1000);
  quota("u-run", "max_running", "3");
  store_.reset();
  std::atomic<bool> over{false};
  std::atomic<int> most{0};
  std::thread watcher([&] {
    Sql eye(url_);
    while (!over)
      most =
          std::max(most.load(), std::stoi(eye.value("SELECT count(*) FROM slipway.executions WHERE live AND "
                                                    "finished_at IS NULL")));
  });
  {
    Claimant one(url_, "n-one"), two(url_, "n-two");
    insert_from_many("u-run", 32);
    EXPECT_TRUE(run_until([&] { return all_final(); }, std::chrono::seconds(60)));
  }
  over = true;
  watcher.join();
  EXPECT_LE(most, 3);
  EXPECT_EQ(count("status = 'COMPLETED'"), "32");
  expect_balanced();
}

TEST_F(Admission, ALightUserNeverWaitsMoreThanOneTurnBehindAHeavyOne) {
  Sql superuser(url_);
  superuser.exec(R"(SET session_replication_role = replica;
    INSERT INTO slipway.entitlements (user_id, agent) VALUES ('heavy', 'echo');
    INSERT INTO slipway.executions (user_id, agent, agent_revision, timeout_seconds, input, stage, queued)
      SELECT 'heavy', 'echo', 1, 60, '{}', 'Queued', true FROM generate_series(1, 100000);
    INSERT INTO slipway.user_usage (user_id, queued) VALUES ('heavy', 100000);
    INSERT INTO slipway.entitlements (user_id, agent) SELECT 'light-' || i, 'echo' FROM generate_series(1, 100) i;
    INSERT INTO slipway.executions (user_id, agent, agent_revision, timeout_seconds, input, stage, queued)
      SELECT 'light-' || i, 'echo', 1, 60, '{}', 'Queued', true FROM generate_series(1, 100) i;
    INSERT INTO slipway.user_usage (user_id, queued) SELECT 'light-' || i, 1 FROM generate_series(1, 100) i;
    ANALYZE slipway.executions, slipway.user_usage)");
  int heavy_turns = 0;
  int light_served = 0;
  for (int slot = 0; slot < 101; ++slot) {
    const auto taken = store::taken(run(store_->claim(run(store_->list_candidates(1)).value())).value());
    ASSERT_EQ(taken.size(), 1U);
    (load(taken[0]).user_id == "heavy" ? heavy_turns : light_served) += 1;
  }
  EXPECT_EQ(light_served, 100);
  EXPECT_EQ(heavy_turns, 1);
}

TEST_F(Admission, ASubmitterHoldingARowStallsNoDecisionOfOthers) {
  grant("u-a", 10);
  grant("u-b", 10);
  const auto held = insert("u-a"), free = insert("u-b");
  Sql submitter(url_);
  submitter.exec("BEGIN; UPDATE slipway.executions SET labels = '{}' WHERE id = '" + held + "'");
  const auto decide = [&] {
    std::vector<store::Decision> decisions;
    for (const auto& row : run(store_->list_undecided(10)).value())
      decisions.push_back({.id = row.id, .agent_revision = 1, .timeout_seconds = 60});
    return std::ssize(run(store_->decide(decisions)).value());
  };
  EXPECT_EQ(decide(), 1);
  EXPECT_EQ(store::taken(run(store_->claim({held, free})).value()), std::vector{free});
  submitter.exec("COMMIT");
  EXPECT_EQ(decide(), 1);
}

TEST_F(Admission, AnotherUsersEntitlementLooksAsIfItWereNotThere) {
  grant("u-rich", 10);
  const auto with = [&](const std::string& entitlement) {
    const auto id = sql_->value(
        "INSERT INTO slipway.executions (user_id, agent, input, entitlement_id) VALUES ('u-thief', 'echo', "
        "'{}', $1) "
        "RETURNING id",
        {entitlement});
    EXPECT_EQ(
        std::ssize(run(store_->decide({{.id = id, .agent_revision = 1, .timeout_seconds = 60}})).value()), 1);
    return sql_->value("SELECT reason || ' ' || message FROM slipway.executions WHERE id = $1", {id});
  };
  EXPECT_EQ(with("u-rich"), with("there-is-none"));
  EXPECT_EQ(sql_->value("SELECT used FROM slipway.entitlements WHERE id = 'u-rich'"), "0");
}

TEST_F(Admission, TheSoonestExpiringOfTheUsableIsSpent) {
  sql_->exec(R"(INSERT INTO slipway.entitlements (id, user_id, agent, uses, expires_at) VALUES
    ('never', 'u-e', 'echo', 5, NULL), ('late', 'u-e', 'echo', 5, now() + interval '2 days'),
    ('soon', 'u-e', 'echo', 1, now() + interval '1 day'), ('gone', 'u-e', 'echo', 5, now() - interval '1 day'),
    ('empty', 'u-e', 'echo', 0, now() + interval '1 hour'))");
  const auto first = claimed("u-e"), second = claimed("u-e");
  const auto spent = [&](const Execution& e) {
    return sql_->value("SELECT entitlement_id FROM slipway.entitlement_spends WHERE execution_id = $1",
                       {e.ref.execution});
  };
  EXPECT_EQ(spent(first), "soon");
  EXPECT_EQ(spent(second), "late");
}

TEST_F(Admission, ASchemaThatCannotBeOneIsRefusedWhenTheAgentIsWritten) {
  const auto refused = [&](const std::string& schema) {
    return sql_->fails_with(
        "INSERT INTO slipway.agents (name, spec) VALUES ('x', jsonb_build_object('image', 'x:1', "
        "'inputSchema', $1::jsonb))",
        {schema});
  };
  EXPECT_EQ(refused("5"), "23514");
  EXPECT_EQ(refused(R"({"properties": {"a": {"$ref": "http://127.0.0.1/x"}}})"), "23514");
  EXPECT_EQ(refused("{\"enum\": [\"" + std::string(300'000, 'x') + "\"]}"), "23514");
  EXPECT_EQ(refused(R"({"$ref": "#/$defs/a", "$defs": {"a": true}})"), "");
}

TEST_F(Admission, AnAgentLeavesOnlyWhenNothingUnfinishedNamesIt) {
  grant("u-1", 10);
  const auto id = queued();
  EXPECT_EQ(sql_->fails_with("DELETE FROM slipway.agents WHERE name = 'echo'"), "55000");
  sql_->query("UPDATE slipway.executions SET cancel_requested = true WHERE id = $1", {id});
  run(store_->decide({{.id = id, .from = Stage::Queued, .to = Stage::Finished, .reason = Reason::Cancelled}}))
      .value();
  sql_->exec("DELETE FROM slipway.agents WHERE name = 'echo'");
  EXPECT_EQ(sql_->value("SELECT count(*) FROM slipway.agent_revisions"), "1");
}

}  // namespace
}  // namespace slipway::test

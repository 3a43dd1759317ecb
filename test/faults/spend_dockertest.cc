// Money while things die: two daemons on two engines, killed in the middle of a race for the last uses; and a
// mixture of every kind of end, with daemon, database and engine killed in between, recounted by a script
// that knows rows and start ledgers only.

#include <gtest/gtest.h>

#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "test/support/command/command.h"
#include "test/support/house/house.h"
#include "test/support/house/mixture.h"

namespace slipway::test {
namespace {

/// Executions of the mixture; SLIPWAY_MIXED_EXECUTIONS asks for more.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int kMixed = 100;
#else
constexpr int kMixed = 200;
#endif

/// A second node of the same database, with an engine of its own.
class SecondNode {
 public:
  explicit SecondNode(House& house) : daemon_(options(house)) {
    engine_.import_image("agent:1");
    daemon_.options().engine_socket = engine_.socket_path();
    daemon_.options().state_dir = engine_.dir() + "/state";
    daemon_.options().log_file = engine_.dir() + "/slipwayd.log";
    cgroups_ = std::make_unique<HouseCgroups>(daemon_.options().state_dir);
    daemon_.start();
  }
  ~SecondNode() {
    daemon_.kill9();
    cgroups_->learn_instance();
    if (::testing::Test::HasFailure())
      std::fprintf(stderr, "--- slipwayd n2 ---\n%s\n", daemon_.log().c_str());
  }
  SlipwaydProcess& daemon() { return daemon_; }
  DockerEngine& engine() { return engine_; }

 private:
  static SlipwaydProcess::Options options(House& house) {
    auto given = house.daemon().options();
    given.node = "n2";
    return given;
  }

  std::unique_ptr<HouseCgroups> cgroups_;  // goes after the engine
  DockerEngine engine_;
  SlipwaydProcess daemon_;
};

TEST(Spend, FiftyUsesAreFiftyStartsWhateverIsKilled) {
  PostgresServer postgres;
  House house({.flags = {"--resync", "1s", "--node-slots", "6"}, .postgres = &postgres});
  SecondNode second(house);
  house.agent("echo", "cp /input/input.json /output/result.json", R"({"price": "0.05"})");
  without_free_entitlements(house);
  house.sql().exec(
      "INSERT INTO slipway.entitlements (id, user_id, agent, uses) VALUES ('fifty', 'u-1', 'echo', 50)");

  std::barrier together(64);
  std::vector<std::thread> clients;
  for (int i = 0; i < 64; ++i) {
    clients.emplace_back([&] {
      Sql client(house.database_url());
      client.exec("BEGIN");
      client.exec("INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u-1', 'echo', '{}')");
      together.arrive_and_wait();
      client.exec("COMMIT");
    });
  }
  for (auto& client : clients) client.join();

  const auto finished = [&] {
    return std::stoi(
        persistently(house, "SELECT count(*) FROM slipway.executions WHERE finished_at IS NOT NULL"));
  };
  int kills = 0;
  for (const int reached : {2, 10, 18, 26, 34, 42}) {
    ASSERT_TRUE(wait_until([&] { return finished() >= reached; }, 60'000)) << finished();
    if (kills % 3 == 0) {
      house.daemon().kill9();
      house.daemon().start(false);
    } else if (kills % 3 == 1) {
      postgres.kill9();
      postgres.start();
      house.reconnect();
    } else {
      second.daemon().kill9();
      second.daemon().start(false);
    }
    ++kills;
  }
  ASSERT_TRUE(wait_until(
      [&] {
        return persistently(
                   house, "SELECT count(*) FROM slipway.executions WHERE finished_at IS NULL OR live") == "0";
      },
      90'000));

  auto& sql = house.sql();
  EXPECT_EQ(sql.value("SELECT count(*) FROM slipway.executions WHERE status = 'COMPLETED'"), "50");
  EXPECT_EQ(sql.value("SELECT count(*) FROM slipway.executions WHERE reason = 'EntitlementExhausted'"), "14");
  EXPECT_EQ(sql.value("SELECT uses - used FROM slipway.entitlements WHERE id = 'fifty'"), "0");
  EXPECT_EQ(sql.value("SELECT count(*) FROM slipway.entitlement_spends WHERE refunded_at IS NULL"), "50");
  EXPECT_EQ(sql.value("SELECT sum(price) || ' ' || sum(list_price) FROM slipway.entitlement_spends"),
            "2.50 2.50");
  int starts = 0;
  for (const auto& row :
       sql.query("SELECT node, container_id FROM slipway.attempts WHERE container_id IS NOT NULL")) {
    const int times = (*row[0] == "n1" ? house.engine() : second.engine()).starts_of(*row[1]);
    EXPECT_LE(times, 1) << *row[1];
    starts += times;
  }
  EXPECT_EQ(starts, 50);
  EXPECT_NE(sql.value("SELECT count(*) FROM slipway.attempts WHERE node = 'n2'"), "0")
      << "one node did it all";
  std::printf("50 uses, 64 clients, 2 daemons, %d kills (daemon, database, daemon): %d starts\n", kills,
              starts);
}

TEST(Spend, TotalsAreWhatARecountFinds) {
  const char* wanted = std::getenv("SLIPWAY_MIXED_EXECUTIONS");
  const int total = wanted ? std::atoi(wanted) : kMixed;
  PostgresServer postgres;
  House house({.flags = {"--resync", "1s", "--node-slots", "12"}, .postgres = &postgres});
  Mixture mixture(house);
  without_free_entitlements(house);

  const auto unfinished = [&] {
    return std::stoi(
        persistently(house, "SELECT count(*) FROM slipway.executions WHERE finished_at IS NULL"));
  };
  const auto left_after_cancelling = [&] {
    persistently(house, Mixture::kCancel);
    return unfinished();
  };
  for (int sent = 0; sent < total; sent += 100) {
    persistently(house, Mixture::kHundred);
    for (const int left : {50, 20}) {
      ASSERT_TRUE(wait_until([&] { return left_after_cancelling() <= left; }, 120'000))
          << left_after_cancelling();
      mixture.kill_something();
    }
  }
  ASSERT_TRUE(wait_until(
      [&] {
        return left_after_cancelling() == 0 &&
               persistently(house, "SELECT count(*) FROM slipway.executions WHERE live") == "0";
      },
      180'000));

  const auto recount =
      run({"/usr/bin/python3", std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/test/faults/recount.py",
           house.database_url(), house.engine().dir() + "/bin/ledger", std::to_string(mixture.probes())});
  std::printf("%s%s", recount.out.c_str(), recount.err.c_str());
  std::printf("%d executions, %d kills\n", total, mixture.kills());
  EXPECT_EQ(recount.exit_code, 0);
  EXPECT_EQ(house.leftovers(), std::vector<std::string>{});
}

}  // namespace
}  // namespace slipway::test

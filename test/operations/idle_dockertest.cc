// What a daemon costs that has nothing to do, and that it still hears what comes.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "test/support/house/house.h"

namespace slipway::test {
namespace {

constexpr auto kMinute = std::chrono::seconds(60);
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr double kAtOnce = 3;  // seconds; instrumented, and beside another test
#else
constexpr double kAtOnce = 1;
#endif

double metric(const std::string& page, const std::string& name) {
  const auto at = page.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::strtod(page.c_str() + at + name.size() + 2, nullptr);
}

struct Statement {
  std::string text;
  int calls = 0;
};

/// What the daemon has asked since the last reset; the test's own statements are marked.
std::vector<Statement> statements(Sql& sql) {
  std::vector<Statement> all;
  for (const auto& row :
       sql.query("SELECT calls, left(regexp_replace(query, '\\s+', ' ', 'g'), 90) FROM pg_stat_statements s "
                 "JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database() "
                 "WHERE query NOT LIKE '%pg_stat_statements%' ORDER BY calls DESC"))
    all.push_back({*row[1], std::stoi(*row[0])});
  return all;
}

int asked(Sql& sql, const std::string& like) {
  return std::stoi(sql.value(
      "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE '%' || $1 || '%' AND "
      "query NOT LIKE '%pg_stat_statements%'",
      {like}));
}

TEST(Idle, AsksLittleAndHearsAtOnce) {
  PostgresServer postgres(
      PostgresServer::Options{.settings = {{"shared_preload_libraries", "pg_stat_statements"}}});
  House house({.flags = {}, .postgres = &postgres});
  house.sql().exec("CREATE EXTENSION pg_stat_statements");
  house.agent("echo", "cp /input/input.json /output/result.json");
  ASSERT_EQ(house.finished(house.insert("echo"))["status"], "COMPLETED");
  const auto asleep = [&] { return asked(house.sql(), "min(decide_at)") >= 2; };
  ASSERT_TRUE(wait_until(asleep, 90'000)) << "it never went to sleep";

  house.sql().exec("SELECT pg_stat_statements_reset()");
  const auto before = house.daemon().get("/metrics");
  std::this_thread::sleep_for(kMinute);  // what is measured is a minute
  const auto after = house.daemon().get("/metrics");
  int calls = 0;
  for (const auto& statement : statements(house.sql())) {
    calls += statement.calls;
    std::printf("%3d  %s\n", statement.calls, statement.text.c_str());
  }
  const auto cpu = metric(after, "process_cpu_seconds_total") - metric(before, "process_cpu_seconds_total");
  const auto share = 100 * cpu / std::chrono::duration<double>(kMinute).count();
  std::printf("idle for a minute: %d queries, CPU %.3f %%, resident memory %.1f MiB\n", calls, share,
              metric(after, "process_resident_memory_bytes") / (1 << 20));
  EXPECT_LE(calls, 30);
  EXPECT_GT(calls, 10) << "the heartbeat alone is ten";
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  EXPECT_LE(share, 0.2);
#endif

  // Asleep: the doorbell wakes it, a row that becomes due does, and so does the end of a retry's pause.
  const auto admitted = [&](const std::string& id, const std::string& since) {
    return std::strtod(house.sql()
                           .value("SELECT extract(epoch FROM (conditions ->> 'Admitted')::timestamptz - " +
                                      since + ") FROM slipway.executions WHERE id = $1",
                                  {id})
                           .c_str(),
                       nullptr);
  };
  const auto rung = house.insert("echo");
  EXPECT_EQ(house.finished(rung)["status"], "COMPLETED");
  EXPECT_LT(admitted(rung, "created_at"), kAtOnce);
  const auto polled = asked(house.sql(), "min(decide_at)");
  const auto deferred = house.insert("echo", "{}", {{"not_before", "now() + interval '37 seconds'"}});
  ASSERT_TRUE(wait_until([&] { return asked(house.sql(), "min(decide_at)") > polled; }, 60'000))
      << "it did not go to sleep over a row that is not due";
  EXPECT_EQ(house.finished(deferred, 60'000)["status"], "COMPLETED");
  EXPECT_LT(admitted(deferred, "not_before"), kAtOnce);
}

}  // namespace
}  // namespace slipway::test

// Deadlines do not wait for the database: Postgres is stopped, or made to hang, while containers run past
// theirs.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "test/faults/containers.h"
#include "test/support/house/house.h"

namespace slipway::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kAway = std::chrono::seconds(20);
constexpr double kPatience = 0.5;  // how long a verdict may take to be recorded before we signal without it
constexpr double kGrace = 2.0;     // between TERM and KILL past a deadline
constexpr double kMargin = 1.5;    // signal, exit and their bookkeeping in the engine, on a loaded machine
constexpr double kRecorded = 10;   // after Postgres is back: reconnecting backs off up to a few seconds

constexpr const char* kObeys = "trap 'exit 0' TERM; echo up; sleep 600 & wait $!";
constexpr const char* kIgnores = "trap '' TERM; echo up; while :; do sleep 1; done";

struct Late {
  std::string agent;
  int ahead;  ///< whole seconds that the deadline lies ahead when Postgres goes
  std::string id, container;
  double timeout = 0;
};

double since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

class PostgresAway : public ::testing::Test {
 protected:
  /// Containers run, Postgres is away for 20 s by `leave` and `come_back`, and all is as it should be.
  void play(const std::function<void()>& leave, const std::function<void()>& come_back) {
    house_.agent("obeys", kObeys);
    house_.agent("ignores", kIgnores);
    for (const auto* agent : {"obeys", "ignores"}) {
      for (const int ahead : {4, 3, 2}) runs_.push_back({agent, ahead, "", ""});
    }
    submit();
    const auto left_at = Clock::now();
    leave();
    EXPECT_TRUE(wait_until([&] { return none_runs(); }, 15'000));
    for (auto& run : runs_) {
      const auto container = inspected(house_.engine(), run.container);
      ASSERT_TRUE(container.is_object());
      const auto over = seconds_run(container) - run.timeout;
      std::printf("%-8s ended %.2f s past its deadline, code %d\n", run.agent.c_str(), over,
                  container["State"]["ExitCode"].get<int>());
      // The run begins with its process, which the engine's stamp follows: on a busy host by some tenths.
      EXPECT_GE(over, -kMargin) << run.agent;
      EXPECT_LE(over, kPatience + (run.agent == "obeys" ? 0 : kGrace) + kMargin) << run.agent;
    }
    wait_until([&] { return Clock::now() - left_at >= kAway; }, 30'000);
    come_back();
    house_.reconnect();
    const auto back_at = Clock::now();
    for (auto& run : runs_) {
      auto row = house_.finished(run.id, 15'000);
      EXPECT_EQ(row["status"], "TIMEOUT");
      EXPECT_EQ(row["reason"], "DeadlineExceeded");
      EXPECT_EQ(row["fault"], "Agent");
      EXPECT_EQ(row["attempt"], "1");
      EXPECT_EQ(house_.logs(run.id), "up");
      EXPECT_EQ(house_.starts(run.id), 1);
    }
    EXPECT_LE(since(back_at), kRecorded);
    std::printf("all recorded and cleaned %.2f s after Postgres was back\n", since(back_at));
    EXPECT_EQ(house_.leftovers(), std::vector<std::string>{});
    expect_new_work_succeeds(house_);
  }

  House house_{House::Options{.flags = {"--resync", "2s", "--node-slots", "16", "--node-starts", "8"}}};

 private:
  /// Leaves them all running, their deadlines a few seconds ahead: moved there once the last one runs,
  /// however long a busy machine took to start them.
  void submit() {
    for (auto& run : runs_) run.id = house_.insert(run.agent);
    for (auto& run : runs_) {
      ASSERT_TRUE(house_.wait_for(run.id, "stage", "Running"));
      run.container = house_.attempt(run.id)["container_id"];
    }
    for (auto& run : runs_) {
      run.timeout =
          std::stod(house_.sql().value("UPDATE slipway.executions SET timeout_seconds = ceil(extract(epoch "
                                       "FROM now() - started_at)) + $2 WHERE id = $1 "
                                       "RETURNING timeout_seconds",
                                       {run.id, std::to_string(run.ahead)}));
    }
    for (auto& run : runs_) {
      ASSERT_TRUE(wait_until([&] { return deadline_is_moved(run.id); }, 2'000));
    }
    EXPECT_EQ(house_.sql().value("SELECT count(*) FROM slipway.attempts WHERE verdict IS NOT NULL"), "0");
  }

  bool deadline_is_moved(const std::string& id) {
    return house_.sql().value(
               "SELECT deadline_at = started_at + make_interval(secs => timeout_seconds) FROM "
               "slipway.executions "
               "WHERE id = $1",
               {id}) == "t";
  }

  bool none_runs() {
    return std::none_of(runs_.begin(), runs_.end(),
                        [&](const Late& run) { return runs(house_.engine(), run.container); });
  }

  std::vector<Late> runs_;
};

TEST_F(PostgresAway, StoppedWhileDeadlinesPass) {
  play([&] { house_.postgres().stop(PostgresServer::Shutdown::Immediate); },
       [&] { house_.postgres().start(); });
}

TEST_F(PostgresAway, SilentWhileDeadlinesPass) {
  play([&] { house_.postgres().pause(); }, [&] { house_.postgres().resume(); });
}

}  // namespace
}  // namespace slipway::test

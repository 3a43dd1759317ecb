// What a container says is read while it runs: by the command and by HTTP, across a death of the daemon and
// across the end, where the whole log takes the place of what was written live.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "test/support/command/command.h"
#include "test/support/house/house.h"
#include "test/support/http_client/http_client.h"

namespace slipway::test {
namespace {

using std::chrono::steady_clock;

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr double kSlower = 3;
#else
constexpr double kSlower = 1;
#endif

/// The clock that a container reads, too.
double uptime() {
  double seconds = 0;
  std::ifstream("/proc/uptime") >> seconds;
  return seconds;
}

/// "3 4711.17" once a second: the number of the line, and when it was written.
std::string ticker(int lines) {
  return "i=0; while [ $i -lt " + std::to_string(lines) +
         " ]; do read up idle < /proc/uptime; echo \"$i $up\"; i=$((i+1)); sleep 1; done; echo 1 > "
         "/output/result.json";
}

/// Notes of each line of a ticker when it was seen first.
class Ticks {
 public:
  void read(const std::string& text) {
    const auto now = uptime();
    std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      if (count < seen_.size()) continue;
      std::istringstream words(line);
      Tick tick{-1, 0, now};
      words >> tick.number >> tick.written;
      seen_.push_back(tick);
    }
  }
  std::size_t count() const { return seen_.size(); }
  /// In their order, none missing, none twice.
  bool complete(int lines) const {
    for (std::size_t i = 0; i < seen_.size(); ++i) {
      if (seen_[i].number != static_cast<int>(i)) return false;
    }
    return static_cast<int>(seen_.size()) == lines;
  }
  /// Of the lines that were not written between these moments.
  double worst_delay(double but_from = 0, double but_to = 0) const {
    double worst = 0;
    for (const auto& tick : seen_) {
      if (tick.written < but_from || tick.written > but_to) worst = std::max(worst, tick.seen - tick.written);
    }
    return worst;
  }

 private:
  struct Tick {
    int number;
    double written, seen;
  };
  std::vector<Tick> seen_;
};

long kib_of(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    if (word == field + ":") return status >> word, std::stol(word);
  }
  return 0;
}

class LiveLogs : public ::testing::Test {
 protected:
  std::vector<std::string> slipway(std::vector<std::string> words) const {
    words.insert(words.begin(), built("cmd/slipway/slipway"));
    return words;
  }
  std::map<std::string, std::string> environment() const {
    return {{"SLIPWAY_DATABASE_URL", house_.database_url()}};
  }
  std::string stored(const std::string& id) { return run(slipway({"logs", id}), environment()).out; }

  /// Reads along until the command has ended.
  static void watch(Command& command, Ticks& ticks, int timeout_ms) {
    wait_until(
        [&] {
          const bool ended = command.ended();
          ticks.read(command.out());
          return ended;
        },
        timeout_ms);
  }

  House house_{{.flags = {"--resync", "2s"}}};
};

TEST_F(LiveLogs, EachLineIsSeenWithinASecondAndOnceThroughADeathOfTheDaemon) {
  house_.agent("ticker", ticker(30));
  const auto id = house_.insert("ticker");
  Command command(slipway({"logs", "-f", id}), environment());
  Ticks ticks;
  std::atomic<bool> over = false;
  std::thread reader([&] {
    while (!over) {  // which alone is shared: the command belongs to the test
      ticks.read(command.out());
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  const auto lines = [&] {
    return house_.sql().value("SELECT count(*) FROM slipway.execution_logs WHERE execution_id = $1", {id});
  };
  EXPECT_TRUE(wait_until([&] { return std::stoi(lines()) >= 12; }, 30'000));
  EXPECT_EQ(house_.row(id)["status"], "RUNNING");
  const auto killed = uptime();
  house_.daemon().kill9();
  house_.daemon().start();
  const auto back = uptime();
  auto row = house_.finished(id, 60'000);
  EXPECT_EQ(row["status"], "COMPLETED");
  const auto end = command.finish();
  over = true;
  reader.join();
  ticks.read(end.out);
  EXPECT_EQ(end.exit_code, 0) << end.err;
  EXPECT_TRUE(ticks.complete(30)) << end.out;
  EXPECT_EQ(end.out, stored(id));
  EXPECT_EQ(house_.starts(id), 1);
  const auto worst = ticks.worst_delay(killed - 1, back + 1);
  std::printf(
      "30 lines, the latest seen %.2f s after it was written; the daemon was away for %.2f s, and of the "
      "lines about then the latest was seen after %.2f s\n",
      worst, back - killed, ticks.worst_delay());
  EXPECT_LT(worst, 1.0 * kSlower);
  EXPECT_LT(ticks.worst_delay(), (back - killed + 2) * kSlower);
}

TEST_F(LiveLogs, TheHttpStreamIsLiveAndGoesOnAfterTheLastEvent) {
  house_.agent("ticker", ticker(8));
  const auto created = run(slipway({"token", "create", "--role", "reader"}), environment());
  ASSERT_EQ(created.exit_code, 0) << created.err;
  const auto token = created.out.substr(0, created.out.find('\n'));
  const auto id = house_.insert("ticker");
  const auto target = "/v1/executions/" + id + "/logs?follow=1";
  std::string raw, text, last;
  Ticks ticks;
  const auto take = [&](const std::string& piece) {
    raw += piece;
    for (std::size_t at; (at = raw.find("\n\n")) != std::string::npos; raw.erase(0, at + 2)) {
      const auto event = raw.substr(0, at);
      if (!event.starts_with("id: ")) continue;
      last = event.substr(4, event.find('\n') - 4);
      text += nlohmann::json::parse(event.substr(event.find("data: ") + 6)).value("text", "");
      ticks.read(text);
    }
  };
  std::map<std::string, std::string> headers = {{"Accept", "text/event-stream"}};
  HttpClient(house_.daemon().port(), token)
      .stream(target, [&](const std::string& piece) { return take(piece), ticks.count() < 4; }, headers);
  EXPECT_GE(ticks.count(), 4U);
  EXPECT_EQ(house_.row(id)["status"], "RUNNING") << "it was not the end that told them";
  EXPECT_LT(ticks.worst_delay(), 1.0 * kSlower);
  const auto began = steady_clock::now();
  EXPECT_TRUE(house_.daemon().detach());
  const auto took = std::chrono::duration<double>(steady_clock::now() - began).count();
  std::printf("8 lines by HTTP, the latest seen after %.2f s; detached in %.2f s\n", ticks.worst_delay(),
              took);
  EXPECT_LT(took, 2.0 * kSlower) << "a followed log holds up nobody";
  house_.daemon().start();
  raw.clear();
  headers["Last-Event-ID"] = last;
  HttpClient(house_.daemon().port(), token)
      .stream(target, [&](const std::string& piece) { return take(piece), true; }, headers);
  EXPECT_TRUE(ticks.complete(8)) << text;
  EXPECT_EQ(text, stored(id));
}

/// Lines by number; a second's rest after the first hundred, so that they are seen live.
std::string counting(int lines) {
  return "i=0; while [ $i -lt " + std::to_string(lines) +
         " ]; do echo \"line $i of many, and long enough that there are not too many\"; i=$((i+1)); [ $i = "
         "100 ] && "
         "sleep 2; done; sleep 1; echo the-end; echo 1 > /output/result.json";
}

class OverTheCap : public LiveLogs, public ::testing::WithParamInterface<int> {};

TEST_P(OverTheCap, AReaderSeesEachKeptLineOnceAcrossTheEnd) {
  house_.agent("counting", counting(GetParam()),
               R"({"resources": {"limits": {"logs": "64Ki", "cpu": "1"}}, "timeout": "60s"})");
  const auto id = house_.insert("counting");
  Command command(slipway({"logs", "-f", id}), environment());
  EXPECT_TRUE(wait_until([&] { return command.out().find("line 99 ") != std::string::npos; }, 20'000));
  EXPECT_EQ(house_.row(id)["status"], "RUNNING");
  auto row = house_.finished(id, 60'000);
  EXPECT_EQ(row["status"], "COMPLETED");
  EXPECT_EQ(row["logs_truncated"], "true");
  const auto seen = command.finish().out;
  std::istringstream lines(seen);
  int last = -1, gaps = 0;
  bool ended = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "the-end") ended = true;
    int number = 0;
    if (std::sscanf(line.c_str(), "line %d ", &number) != 1) continue;
    EXPECT_GT(number, last) << "seen twice, or out of order";
    if (number != last + 1) ++gaps;
    last = number;
  }
  EXPECT_TRUE(seen.starts_with("line 0 ")) << "the head";
  EXPECT_TRUE(ended) << "the tail";
  EXPECT_LE(gaps, 2) << "between head and tail only";
  EXPECT_LE(seen.size(), 64U << 10);
  EXPECT_EQ(seen, stored(id)) << "who reads along sees what the finished log holds";
  std::printf("%d lines: %zu bytes kept, %d gaps\n", GetParam(), seen.size(), gaps);
}

// The engine keeps three files of the cap's size: of the first log it has all, of the second the head is
// gone.
INSTANTIATE_TEST_SUITE_P(LiveLogs, OverTheCap, ::testing::Values(1200, 20'000));

TEST_F(LiveLogs, AFloodStaysWithinItsBoundsAndDelaysNobody) {
  house_.agent(
      "flood",
      "echo the-head; sleep 1; yes 0123456789012345678901234567890123456789012345678901234567890 | head -c "
      "200000000; echo the-end; echo 1 > /output/result.json",
      R"({"timeout": "120s"})");
  house_.agent("echo", "cp /input/input.json /output/result.json");
  house_.agent("ticker", ticker(8));
  const auto took = [&](int count) {
    std::vector<double> seconds;
    for (int i = 0; i < count; ++i) {
      const auto began = steady_clock::now();
      EXPECT_EQ(house_.finished(house_.insert("echo"))["status"], "COMPLETED");
      seconds.push_back(std::chrono::duration<double>(steady_clock::now() - began).count());
    }
    std::ranges::sort(seconds);
    return seconds;
  };
  const auto calm = took(9);
  const auto before = kib_of(house_.daemon().pid(), "VmRSS");
  const auto flood = house_.insert("flood");
  ASSERT_TRUE(house_.wait_for(flood, "status", "RUNNING"));
  const auto tick = house_.insert("ticker");
  Command command(slipway({"logs", "-f", tick}), environment());
  Ticks ticks;
  std::thread reader([&] { watch(command, ticks, 60'000); });
  const auto stormy = took(9);
  const auto live = house_.sql().value(
      "SELECT sum(octet_length(bytes)) FROM slipway.execution_log_chunks WHERE execution_id = $1", {flood});
  const bool floods = house_.row(flood)["status"] == "RUNNING";
  reader.join();
  EXPECT_EQ(house_.finished(flood, 120'000)["status"], "COMPLETED");
  const auto grown = kib_of(house_.daemon().pid(), "VmHWM") - before;
  const auto log = stored(flood);
  std::printf(
      "200 MB: the daemon grew by %ld KiB at most; %s bytes were stored live, %zu in the end; neighbours "
      "took "
      "%.2f s before and %.2f s (at most %.2f s) beside it; a neighbour's line was seen after %.2f s\n",
      grown, live.c_str(), log.size(), calm[4], stormy[4], stormy[8], ticks.worst_delay());
  EXPECT_TRUE(floods) << "the neighbours have run beside it";
  EXPECT_LE(std::stol("0" + live), 1 << 19);
  EXPECT_LE(log.size(), 1U << 20);
  EXPECT_TRUE(log.starts_with("the-head\n")) << "written live, long dropped by the engine";
  EXPECT_NE(log.find("the-end"), std::string::npos);
  EXPECT_LT(stormy[4], calm[4] + 1.0 * kSlower);
  EXPECT_TRUE(ticks.complete(8));
  EXPECT_LT(ticks.worst_delay(), 1.0 * kSlower);
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)  // which keep what was freed
  EXPECT_LT(grown, 32 * 1024);
#endif
}

}  // namespace
}  // namespace slipway::test

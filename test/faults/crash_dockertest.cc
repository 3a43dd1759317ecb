// Kills slipwayd at every request it makes to its engine and every write to its database, before the request
// is passed on and after it was answered, one at a time; the next slipwayd must come to the end that an
// undisturbed run comes to.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "test/faults/crash_rig.h"
#include "test/faults/crash_story.h"

namespace slipway::test {
namespace {

constexpr int kPatience = 60'000;

/// Every point is tried in the ordinary build. Under a sanitizer, where a life takes several times as long,
/// each fourth is: other ones in either, so that the two together meet half of them.
#if __has_feature(address_sanitizer)
constexpr std::size_t kEvery = 4, kFirst = 0;
#elif __has_feature(thread_sanitizer)
constexpr std::size_t kEvery = 4, kFirst = 2;
#else
constexpr std::size_t kEvery = 1, kFirst = 0;
#endif

/// What every run of slipwayd does is tried in the first story only.
bool concerns_an_execution(const Point& point) {
  if (point.name.find("{probe}") != std::string::npos) return false;
  for (const auto* mark : {"{attempt}", "decide", "claim", "move", "end", "requeue"}) {
    if (point.name.find(mark) != std::string::npos) return true;
  }
  return false;
}

/// Whether a log is followed, and what of it is written when, is a matter of how long the container happens
/// to run: such a request need not come again in the next run. Nothing rests on it; what a death beside it
/// leaves is the subject of live_logs_dockertest.
bool is_of_a_followed_log(const Point& point) {
  return point.name.ends_with("/logs follow") || point.name.find("append_logs") != std::string::npos;
}

/// After a statement within a transaction is before the next one, of which the last is COMMIT.
bool is_told_already(const Point& point, const std::vector<Point>& all) {
  return point.moment == Moment::After && std::ranges::any_of(all, [&](const Point& other) {
           return other.name.starts_with("COMMIT of ") && other.name.find(point.name) != std::string::npos;
         });
}

/// A daemon that was away for longer than the grace finds only KILL left: the code is then 137 instead of the
/// workload's own. Nothing else may differ.
std::string as_if_within_grace(std::string end, const std::string& undisturbed) {
  if (undisturbed.find("DeadlineExceeded") == std::string::npos &&
      undisturbed.find("Cancelled") == std::string::npos)
    return end;
  for (std::size_t at; undisturbed.find("code 137") == std::string::npos &&
                       (at = end.find("code 137")) != std::string::npos;) {
    end.replace(at, 8, "code 9");
  }
  return end;
}

class Crash {
 public:
  Crash(const Story& story, bool with_boot) : story_(story), with_boot_(with_boot) {}

  std::size_t points() const { return points_; }

  void play() {
    offer(rig_.house(), story_);
    const auto undisturbed = run(nullptr);
    const auto points = points_to_try();
    points_ = points.size();
    std::printf("%s: %s\n", story_.name.c_str(), undisturbed.c_str());
    const auto began = std::chrono::steady_clock::now();
    int met = 0;
    for (const auto& point : points) {
      const auto end = as_if_within_grace(run(&point), undisturbed);
      met += rig_.killed() ? 1 : 0;
      EXPECT_TRUE(rig_.killed()) << story_.name << ": never came " << to_string(point);
      EXPECT_EQ(end, undisturbed) << story_.name << ": killed " << to_string(point);
    }
    std::printf("%s: %zu points, killed at %d of them in %.0f s\n", story_.name.c_str(), points.size(), met,
                std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  }

 private:
  std::vector<Point> points_to_try() {
    const auto all = rig_.seen();
    auto points = all;
    std::erase_if(points, is_of_a_followed_log);
    std::erase_if(points, [&](const Point& point) { return is_told_already(point, all); });
    if (!with_boot_) std::erase_if(points, [](const Point& point) { return !concerns_an_execution(point); });
    for (const auto& point : points) std::printf("  %s: %s\n", story_.name.c_str(), to_string(point).c_str());
    std::vector<Point> tried;
    for (std::size_t i = kFirst; i < points.size(); i += kEvery) tried.push_back(points[i]);
    if (tried.size() < points.size())
      std::printf("%s: %zu of %zu points are tried under this sanitizer\n", story_.name.c_str(), tried.size(),
                  points.size());
    return tried;
  }

  /// One execution from its INSERT until nothing is left of it, in a daemon of its own; the answer is its
  /// end.
  std::string run(const Point* point) {
    auto& house = rig_.house();
    rig_.kill_nowhere();
    if (point) rig_.kill_at(*point);
    // Imported by the first daemon of an engine only.
    if (point && point->name == "POST /images/create")
      house.engine().request("DELETE", "/images/slipway-probe:1?force=1");
    const auto id = submit(house, story_);
    house.daemon().start(false);
    bool befallen = false;
    bool restarted = false;
    const bool converged = wait_until(
        [&] {
          if (rig_.killed() && !restarted) {
            house.daemon().kill9();
            house.daemon().start(false);
            restarted = true;
          }
          befallen = befallen || befall(house, story_, id);
          return house.row(id)["stage"] == "Cleaned" && (!point || restarted);
        },
        kPatience);
    EXPECT_TRUE(converged) << house.row(id)["stage"];
    // The last life's probe container is gone, too.
    wait_until([&] { return house.leftovers().empty(); }, 20'000);
    EXPECT_EQ(house.leftovers(), std::vector<std::string>{})
        << (point ? "killed " + to_string(*point) : "undisturbed");
    house.daemon().kill9();
    return end_state(house, id);
  }

  const Story story_;
  const bool with_boot_;
  std::size_t points_ = 0;
  CrashRig rig_;
};

TEST(Crash, EveryPointEndsAsTheUndisturbedRun) {
  std::vector<std::unique_ptr<Crash>> all;
  for (const auto& story : stories()) all.push_back(std::make_unique<Crash>(story, all.empty()));
  std::vector<std::thread> at_once;
  for (const auto& one : all) {
    at_once.emplace_back([&one] {
      try {
        one->play();
      } catch (const std::exception& failure) {
        ADD_FAILURE() << failure.what();
      }
    });
  }
  for (auto& thread : at_once) thread.join();
  std::size_t points = 0;
  for (const auto& one : all) points += one->points();
  std::printf("%zu points in all\n", points);
}

}  // namespace
}  // namespace slipway::test

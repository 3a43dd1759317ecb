#include "controller/controller.h"

#include <gtest/gtest.h>

#include "controller/database_clock.h"

namespace slipway::controller {
namespace {

using namespace std::chrono_literals;

/// Answers from a script, and tells when something overlapped.
class Scripted : public Reconciler {
 public:
  explicit Scripted(asio::io_context& io) : io_(io) {}
  asio::awaitable<Result<Outcome>> reconcile(const Key& key) override {
    overlapped |= inside[key]++ > 0;
    ++calls[key];
    asio::steady_timer timer(io_, 1ms);
    co_await timer.async_wait(asio::use_awaitable);
    if (during) during(key);
    --inside[key];
    co_return co_await answer(key, calls[key]);
  }
  std::function<asio::awaitable<Result<Outcome>>(Key, int)> answer;
  std::function<void(const Key&)> during;
  std::map<Key, int> calls;
  std::map<Key, int> inside;
  bool overlapped = false;

 private:
  asio::io_context& io_;
};

class ControllerTest : public ::testing::Test {
 protected:
  bool run_until(const std::function<bool()>& condition) {
    const auto give_up = std::chrono::steady_clock::now() + 5s;
    while (!condition() && std::chrono::steady_clock::now() < give_up) io.run_one_for(10ms);
    return condition();
  }
  asio::io_context io;
  DatabaseClock clock;
  AsioTimers timers{io.get_executor(), clock};
  Scripted reconciler{io};
  Controller controller{{.name = "test", .workers = 4, .backoff_base = 1ms, .backoff_cap = 4ms},
                        reconciler,
                        io.get_executor(),
                        clock,
                        timers,
                        [] { return 0.5; }};
};

asio::awaitable<Result<Outcome>> converged() { co_return Outcome{Converged{}}; }

TEST_F(ControllerTest, AHintDuringAReconcileLeadsToAnother) {
  reconciler.answer = [](const Key&, int) { return converged(); };
  reconciler.during = [&](const Key& key) {
    if (reconciler.calls[key] < 3) controller.enqueue(key);
  };
  controller.enqueue("a");
  EXPECT_TRUE(run_until([&] { return reconciler.calls["a"] == 3 && controller.idle(); }));
  EXPECT_FALSE(reconciler.overlapped);
}

TEST_F(ControllerTest, ASettledKeyTakesNoHintOfItsLastReconcile) {
  reconciler.answer = [](const Key&, int) -> asio::awaitable<Result<Outcome>> {
    co_return Outcome{Settled{}};
  };
  reconciler.during = [&](const Key& key) {
    if (reconciler.calls[key] == 1) controller.enqueue(key), controller.enqueue_at(key, clock.now() + 5ms);
  };
  controller.enqueue("a");
  EXPECT_TRUE(run_until([&] { return reconciler.calls["a"] == 1 && controller.idle(); }));
  io.run_for(20ms);
  io.restart();
  EXPECT_EQ(reconciler.calls["a"], 1);
  controller.enqueue("a");
  EXPECT_TRUE(run_until([&] { return reconciler.calls["a"] == 2; })) << "a later hint is one";
}

TEST_F(ControllerTest, ErrorsAndExceptionsAreTriedAgain) {
  reconciler.answer = [](const Key&, int call) -> asio::awaitable<Result<Outcome>> {
    if (call == 1) co_return Error{ErrorClass::Retry, "away"};
    if (call == 2) throw std::runtime_error("a bug");
    co_return Outcome{Converged{}};
  };
  controller.enqueue("a");
  EXPECT_TRUE(run_until([&] { return reconciler.calls["a"] == 3 && controller.idle(); }));
}

TEST_F(ControllerTest, WakesAtItsTimeOrWhenHintedBefore) {
  reconciler.answer = [&](const Key& key, int call) -> asio::awaitable<Result<Outcome>> {
    if (call == 1) co_return Outcome{WakeAt{clock.now() + (key == "soon" ? Duration(20ms) : Duration(1h))}};
    co_return Outcome{Converged{}};
  };
  controller.enqueue("soon");
  controller.enqueue("late");
  EXPECT_TRUE(run_until([&] { return reconciler.calls["soon"] == 2; }));
  EXPECT_EQ(reconciler.calls["late"], 1);
  controller.enqueue("late");
  EXPECT_TRUE(run_until([&] { return reconciler.calls["late"] == 2; }));
}

TEST_F(ControllerTest, AKeyThatNeverRestsLeavesRoomForOthers) {
  reconciler.answer = [](const Key& key, int) -> asio::awaitable<Result<Outcome>> {
    if (key == "restless") co_return Outcome{Again{}};
    co_return Outcome{Converged{}};
  };
  controller.enqueue("restless");
  for (int i = 0; i < 50; ++i) controller.enqueue("k" + std::to_string(i));
  EXPECT_TRUE(run_until([&] { return reconciler.calls.size() == 51; }));
  EXPECT_FALSE(reconciler.overlapped);
}

TEST_F(ControllerTest, StoppedTakesNothingMore) {
  reconciler.answer = [](const Key&, int) { return converged(); };
  controller.enqueue("a");
  EXPECT_TRUE(run_until([&] { return reconciler.calls["a"] == 1 && controller.idle(); }));
  controller.stop();
  controller.enqueue("b");
  io.run_for(20ms);
  EXPECT_EQ(reconciler.calls.count("b"), 0U);
}

TEST(DatabaseClockTest, TakesTheDatabasesTimeAndPassesSlowAnswersOver) {
  DatabaseClock clock;
  const auto there = clock.now() + std::chrono::hours(5);
  clock.adjust(there, 2ms);
  EXPECT_NEAR(static_cast<double>((clock.now() - there).count()), 1000, 20'000);
  clock.adjust(there - std::chrono::hours(1), 4s);  // could have been true four seconds ago
  EXPECT_GE(clock.now(), there);
}

}  // namespace
}  // namespace slipway::controller

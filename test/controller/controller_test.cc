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

/// Answers without ever waiting, as a reconcile does whose row is not this node's.
class Immediate : public Reconciler {
 public:
  asio::awaitable<Result<Outcome>> reconcile(const Key& key) override {
    ++calls;
    const auto* here = static_cast<const char*>(__builtin_frame_address(0));
    if (highest == nullptr) highest = here;
    deepest = std::max<std::ptrdiff_t>(deepest, std::abs(highest - here));
    if (key == "stuck") {
      asio::steady_timer never(io, 1h);
      co_await never.async_wait(asio::use_awaitable);
    }
    co_return Outcome{Converged{}};
  }
  std::string step_of(const Key&) const override { return "start"; }
  explicit Immediate(asio::io_context& context) : io(context) {}
  asio::io_context& io;
  int calls = 0;
  std::ptrdiff_t deepest = 0;  ///< of the stack, from one call to another
  const char* highest = nullptr;
};

TEST_F(ControllerTest, AnyNumberOfKeysThatAnswerAtOnceStandBesideEachOtherNotOnEachOther) {
  Immediate immediate(io);
  Controller loop{
      {.name = "immediate", .workers = 4}, immediate, io.get_executor(), clock, timers, [] { return 0.5; }};
  for (int i = 0; i < 100'000; ++i) loop.enqueue(std::to_string(i));
  bool others_have_their_turn = false;
  asio::post(io, [&] { others_have_their_turn = immediate.calls < 100'000; });
  EXPECT_TRUE(run_until([&] { return immediate.calls == 100'000; })) << immediate.calls;
  EXPECT_LT(immediate.deepest, 65'536);
  EXPECT_TRUE(others_have_their_turn);
}

TEST_F(ControllerTest, WhatIsTooManyIsDroppedAndAskedForWhenThereIsRoom) {
  Immediate immediate(io);
  int walks = 0;
  Controller loop{{.name = "full", .workers = 4, .max_keys = 100, .on_room_again = [&] { ++walks; }},
                  immediate,
                  io.get_executor(),
                  clock,
                  timers,
                  [] { return 0.5; }};
  for (int i = 0; i < 1000; ++i) loop.enqueue(std::to_string(i));
  EXPECT_EQ(loop.depth(), 100U);
  EXPECT_TRUE(run_until([&] { return walks == 1 && loop.depth() == 0; }));
  EXPECT_EQ(immediate.calls, 100);
}

TEST_F(ControllerTest, WhatIsGivenUpIsNotTriedAgainUntilItIsHeardOf) {
  reconciler.answer = [](const Key&, int) -> asio::awaitable<Result<Outcome>> {
    co_return Outcome{GivenUp{"not an id"}};
  };
  controller.enqueue("a");
  EXPECT_TRUE(run_until([&] { return reconciler.calls["a"] == 1 && controller.idle(); }));
  io.run_for(20ms);
  io.restart();
  EXPECT_EQ(reconciler.calls["a"], 1);
  EXPECT_FALSE(controller.failing()) << "it is an answer";
  controller.enqueue("a");
  EXPECT_TRUE(run_until([&] { return reconciler.calls["a"] == 2; }));
}

TEST_F(ControllerTest, AReconcileThatHangsIsNamedAndItsWorkerReplaced) {
  Immediate immediate(io);
  Controller loop{
      {.name = "hung", .workers = 1, .pass_limit = 5ms}, immediate, io.get_executor(), clock, timers, [] {
        return 0.5;
      }};
  loop.enqueue("stuck");
  EXPECT_TRUE(run_until([&] { return !loop.hung().empty(); }));
  const auto hung = loop.hung();
  ASSERT_EQ(hung.size(), 1U);
  EXPECT_EQ(hung[0].key, "stuck");
  EXPECT_EQ(hung[0].step, "start");
  EXPECT_GT(hung[0].since, 5ms);
  loop.enqueue("b");
  EXPECT_TRUE(run_until([&] { return immediate.calls == 2; })) << "others go on";
}

TEST_F(ControllerTest, ALoopThatOnlyFailsSaysSinceWhen) {
  bool away = true;
  reconciler.answer = [&](const Key&, int) -> asio::awaitable<Result<Outcome>> {
    if (away) co_return Error{ErrorClass::Retry, "a stranger's words"};
    co_return Outcome{Converged{}};
  };
  controller.enqueue("a");
  controller.enqueue("b");
  EXPECT_TRUE(run_until([&] { return controller.failing() && controller.failing()->passes >= 3; }));
  EXPECT_EQ(controller.failing()->reason, to_string(ErrorClass::Retry));
  EXPECT_GT(controller.failing()->since, Duration{0});
  away = false;
  EXPECT_TRUE(run_until([&] { return !controller.failing(); })) << "one success is progress";
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

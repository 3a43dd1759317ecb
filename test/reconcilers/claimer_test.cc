// What the claimer does at once and what it lets wait, on a clock of the test's own.

#include "reconcilers/execution/claimer.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "store/memory/memory_store.h"

namespace slipway::reconcilers {
namespace {

using namespace std::chrono_literals;

class HandClock : public Clock {
 public:
  TimePoint now() const override { return TimePoint{} + time; }
  Duration monotonic() const override { return time; }
  Duration time{1h};
};

/// Loses the answer to a claim that was made, when it is told to; counts how often rows are told why they
/// wait.
class WatchedStore : public store::MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  asio::awaitable<Result<std::vector<store::Step>>> claim(const std::vector<ExecutionId>& ids) override {
    auto steps = co_await MemoryStore::claim(ids);
    if (!std::exchange(forgets, false)) co_return steps;
    co_return Error{ErrorClass::Doubt, "the connection broke"};
  }
  asio::awaitable<Result<int>> explain_waiting(bool slots_free) override {
    ++explained;
    return MemoryStore::explain_waiting(slots_free);
  }
  bool forgets = false;
  int explained = 0;
};

class ClaimerTest : public ::testing::Test {
 protected:
  ClaimerTest() {
    AgentSpec spec;
    spec.image = "agent";
    database_.put_agent("agent", spec);
    database_.grant("u-1", "agent", 100);
    run(store_.register_node({.name = "node", .instance_id = "i", .slots = slots_.capacity()}));
    lease_.renew(10h);
  }

  template <class T>
  T run(asio::awaitable<T> task) {
    auto answer = asio::co_spawn(io_, std::move(task), asio::use_future);
    io_.restart();
    io_.run();
    return answer.get();
  }

  void submit(int count) {
    store::Submission submission;
    submission.agent = "agent";
    for (int i = 0; i < count; ++i) database_.insert(submission);
  }

  /// How many executions it claims when it is woken now.
  std::size_t claims() {
    const auto before = claimed_.size();
    EXPECT_TRUE(run(claimer_.reconcile(Claimer::kKey)));
    return claimed_.size() - before;
  }

  void release(int count) {
    for (; count > 0; --count) slots_.release(claimed_.at(released_++));
  }

  asio::io_context io_;
  HandClock clock_;
  store::MemoryDatabase database_{clock_};
  WatchedStore store_{database_, io_.get_executor()};
  Lease lease_{clock_};
  bool engine_answers_ = true;
  bool room_ = true;
  int asked_for_room_ = 0;
  NodeHealth health_{clock_, lease_, [this] { return engine_answers_; }};
  Slots slots_{12, {}};
  admission::Contracts contracts_;
  std::vector<ExecutionId> claimed_, found_;
  std::size_t released_ = 0;
  Claimer claimer_{{.store = store_,
                    .clock = clock_,
                    .health = health_,
                    .slots = slots_,
                    .contracts = contracts_,
                    .pool = io_.get_executor(),
                    .policy = {}},
                   {.on_claimed = [this](const ExecutionId& id, int) { claimed_.push_back(id); },
                    .on_found = [this](const ExecutionId& id) { found_.push_back(id); },
                    .has_room = [this]() -> asio::awaitable<Result<bool>> {
                      ++asked_for_room_;
                      co_return room_;
                    }}};
};

TEST_F(ClaimerTest, RowsThatLostTheirRightKeepNobodyWaitingForMoreThanTwoPasses) {
  submit(slots_.capacity());
  claims();
  database_.grant("u-0", "agent", 100, clock_.now() + 1s);
  store::Submission late;
  late.user_id = "u-0", late.agent = "agent";
  for (int i = 0; i < 30; ++i) database_.insert(late);
  submit(1);
  clock_.time += 300ms;  // it gathers no more
  EXPECT_EQ(claims(), 0U) << "they are decided upon, and no slot is free";
  clock_.time += 2s;
  release(1);
  EXPECT_EQ(claims() + claims(), 1U);
}

TEST_F(ClaimerTest, TakesAsManyAsThereAreSlots) {
  submit(30);
  EXPECT_EQ(claims(), 12U);
  EXPECT_EQ(claims(), 0U);
}

TEST_F(ClaimerTest, WhoStandsBehindLockedRowsIsServedInTheNextPass) {
  submit(slots_.capacity());
  for (const auto& [id, row] : database_.rows()) database_.set_locked(id, true);
  submit(1);
  EXPECT_EQ(claims() + claims(), 1U);
}

TEST_F(ClaimerTest, ANodeThatCannotStartAnythingClaimsNothing) {
  submit(5);
  engine_answers_ = false;
  EXPECT_EQ(claims(), 0U);
  engine_answers_ = true;
  health_.storage_refused();
  EXPECT_EQ(claims(), 0U);
  EXPECT_EQ(asked_for_room_, 0);
  room_ = false;
  clock_.time += 31s;
  EXPECT_EQ(claims(), 0U) << "there is no room yet";
  room_ = true;
  EXPECT_EQ(claims(), 0U) << "it was asked a moment ago";
  EXPECT_EQ(asked_for_room_, 1);
  lease_.set_wishes(true, false);
  clock_.time += 31s;
  EXPECT_EQ(claims(), 0U) << "cordoned";
  lease_.set_wishes(false, false);
  lease_.renew(clock_.time - 1s);
  EXPECT_EQ(claims(), 0U) << "its lease has run out";
  lease_.renew(clock_.time + 1h);
  EXPECT_EQ(claims(), 5U);
}

TEST_F(ClaimerTest, AClaimWhoseAnswerWasLostTakesItsSlotsBeforeMoreIsClaimed) {
  submit(30);
  store_.forgets = true;
  EXPECT_FALSE(run(claimer_.reconcile(Claimer::kKey)));
  EXPECT_EQ(slots_.free(), 12);
  EXPECT_EQ(claims(), 0U) << "twelve stand in the database";
  EXPECT_EQ(found_.size(), 12U);
  EXPECT_EQ(slots_.free(), 0);
}

TEST_F(ClaimerTest, NearlyFullNodeGathersSlotsBeforeItClaimsAgain) {
  submit(30);
  claims();
  release(1);
  clock_.time += 20ms;
  EXPECT_EQ(claims(), 0U) << "one slot of twelve";
  release(2);
  clock_.time += 20ms;
  EXPECT_EQ(claims(), 0U) << "three slots of twelve";
  clock_.time += 160ms;
  EXPECT_EQ(claims(), 3U) << "200 ms after the last claim";
}

TEST_F(ClaimerTest, RowsAreToldWhyTheyWaitEachSecondAndLessOftenWhileClaimsAreMade) {
  submit(30);
  claims();
  const auto told = [&](Duration later, int freed) {
    release(freed);
    clock_.time += later;
    const int before = store_.explained;
    claims();
    return store_.explained - before;
  };
  EXPECT_EQ(told(1s, 0), 1);
  EXPECT_EQ(told(500ms, 4), 0);
  EXPECT_EQ(told(1s, 4), 0) << "claims were made since";
  EXPECT_EQ(told(4s, 0), 1) << "more than five seconds after the last time";
}

TEST_F(ClaimerTest, NodeWithRoomClaimsAtOnce) {
  submit(30);
  claims();
  release(4);
  EXPECT_EQ(claims(), 4U) << "a third is free";
}

TEST_F(ClaimerTest, ClaimsNothingWhileCordonedOrWithoutItsLease) {
  submit(1);
  lease_.set_wishes(true, false);
  EXPECT_EQ(claims(), 0U);
  lease_.set_wishes(false, false);
  clock_.time += 10h;
  EXPECT_EQ(claims(), 0U);
  lease_.renew(clock_.time + 15s);
  EXPECT_EQ(claims(), 1U);
}

}  // namespace
}  // namespace slipway::reconcilers

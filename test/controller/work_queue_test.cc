#include "controller/work_queue.h"

#include <gtest/gtest.h>

#include "controller/backoff.h"

namespace slipway::controller {
namespace {

using namespace std::chrono_literals;

TEST(WorkQueue, AKeyWaitsOnce) {
  WorkQueue queue;
  EXPECT_EQ(queue.add("a", 0s), WorkQueue::Added::Yes);
  EXPECT_EQ(queue.add("a", 1s), WorkQueue::Added::Waiting);
  EXPECT_EQ(queue.add("b", 1s), WorkQueue::Added::Yes);
  EXPECT_EQ(queue.depth(), 2U);
  const auto first = queue.take(3s);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->key, "a");
  EXPECT_EQ(first->waited, Duration(3s));
}

TEST(WorkQueue, AKeyHasOneWorkerAndLosesNoWakeUp) {
  WorkQueue queue;
  queue.add("a", 0s);
  ASSERT_TRUE(queue.take(0s));
  queue.add("a", 1s);                // while its worker has it
  EXPECT_FALSE(queue.take(1s));      // nobody else gets it
  EXPECT_TRUE(queue.done("a", 2s));  // it waits again
  const auto again = queue.take(5s);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->waited, Duration(3s));
  EXPECT_FALSE(queue.done("a", 6s));
  EXPECT_EQ(queue.processing(), 0U);
}

TEST(WorkQueue, WhatIsForgottenDoesNotWaitAgain) {
  WorkQueue queue;
  queue.add("a", 0s);
  ASSERT_TRUE(queue.take(0s));
  queue.add("a", 1s);
  queue.forget("a");
  EXPECT_FALSE(queue.done("a", 2s));
  EXPECT_EQ(queue.add("a", 3s), WorkQueue::Added::Yes) << "what is heard later counts";
  EXPECT_TRUE(queue.take(3s));
}

TEST(WorkQueue, HoldsAsManyKeysAsItMay) {
  WorkQueue queue(2);
  queue.add("a", 0s);
  queue.add("b", 0s);
  EXPECT_EQ(queue.add("c", 0s), WorkQueue::Added::Full);
  EXPECT_EQ(queue.add("a", 0s), WorkQueue::Added::Waiting) << "it is there already";
  ASSERT_TRUE(queue.take(0s));
  EXPECT_EQ(queue.add("c", 0s), WorkQueue::Added::Yes);
  EXPECT_EQ(queue.add("a", 0s), WorkQueue::Added::Yes) << "what a worker has comes back, however many wait";
  EXPECT_TRUE(queue.done("a", 1s));
  EXPECT_EQ(queue.depth(), 3U);
}

TEST(Backoff, DoublesToItsCapWithJitterInTheUpperHalf) {
  Backoff least(100ms, 1s, [] { return 0.0; });
  Backoff most(100ms, 1s, [] { return 0.999; });
  const Duration full[] = {100ms, 200ms, 400ms, 800ms, 1s, 1s};
  for (const auto expected : full) {
    EXPECT_EQ(least.next("k"), expected / 2);
    const auto drawn = most.next("k");
    EXPECT_GT(drawn, expected * 9 / 10);
    EXPECT_LT(drawn, expected);
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(least.next("k"), Duration(500ms));  // never overflows
  least.forget("k");
  EXPECT_EQ(least.next("k"), Duration(50ms));
  EXPECT_EQ(least.failures("other"), 0);
}

}  // namespace
}  // namespace slipway::controller

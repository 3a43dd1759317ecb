#pragma once

// Who may run what, how often, and whose turn it is: of the promises in store/store.h those that rest on
// other rows than the one decided upon.

#include "test/store/store_conformance.h"

namespace slipway::store {

TEST_P(StoreConformance, AnExpiredEntitlementIsNoRight) {
  harness_->grant("u-late", "echo", 5, harness_->now() - std::chrono::seconds(1));
  auto id = harness_->insert({.user_id = "u-late"});
  ASSERT_TRUE(decide(accept(id)));
  EXPECT_EQ(harness_->row(id)->reason, Reason::EntitlementExpired);
  EXPECT_EQ(harness_->row(id)->fault, Fault::Policy);
  EXPECT_FALSE(harness_->spend(id).exists);
}

TEST_P(StoreConformance, AnExhaustedEntitlementIsToldAtTheFirstDecision) {
  harness_->grant("u-out", "echo", 0);
  auto id = harness_->insert({.user_id = "u-out"});
  ASSERT_TRUE(decide(accept(id)));
  EXPECT_EQ(harness_->row(id)->reason, Reason::EntitlementExhausted);
}

TEST_P(StoreConformance, ARightThatIsLostWhileWaitingEndsTheRowAtTheClaim) {
  const auto expiry = harness_->now() + std::chrono::seconds(2);
  harness_->grant("u-brief", "echo", 5, expiry);
  auto id = queued({.user_id = "u-brief"});
  ASSERT_TRUE(harness_->wait_until([&] { return harness_->now() > expiry; }));
  EXPECT_TRUE(store::taken(harness_->run(store_->claim({id})).value()).empty());
  EXPECT_EQ(harness_->row(id)->stage, Stage::Finished);
  EXPECT_EQ(harness_->row(id)->reason, Reason::EntitlementExpired);
  EXPECT_FALSE(harness_->spend(id).exists);
}

TEST_P(StoreConformance, MoreThanMayWaitAreRefusedTheNewestFirst) {
  harness_->grant("u-many", "echo", 50);
  harness_->set_quota("u-many", {.max_queued = 2});
  std::vector<ExecutionId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(harness_->insert({.user_id = "u-many"}));
  for (const auto& id : ids) ASSERT_TRUE(decide(accept(id)));
  EXPECT_EQ(harness_->row(ids[0])->stage, Stage::Queued);
  EXPECT_EQ(harness_->row(ids[1])->stage, Stage::Queued);
  EXPECT_EQ(harness_->row(ids[2])->reason, Reason::QueueFull);
  ASSERT_EQ(store::taken(harness_->run(store_->claim({ids[0]})).value()).size(), 1u);
  auto next = harness_->insert({.user_id = "u-many"});
  ASSERT_TRUE(decide(accept(next)));
  EXPECT_EQ(harness_->row(next)->stage, Stage::Queued) << "the claimed one waits no more";
}

TEST_P(StoreConformance, MoreThanAMinuteAllowsAreRefused) {
  harness_->grant("u-fast", "echo", 50);
  harness_->set_quota("u-fast", {.per_minute = 2});
  int accepted = 0;
  int refused = 0;
  for (int i = 0; i < 5; ++i) {
    auto id = harness_->insert({.user_id = "u-fast"});
    ASSERT_TRUE(decide(accept(id)));
    accepted += harness_->row(id)->stage == Stage::Queued ? 1 : 0;
    refused += harness_->row(id)->reason == Reason::RateLimited ? 1 : 0;
  }
  EXPECT_EQ(accepted + refused, 5);
  EXPECT_GE(accepted, 2);
  EXPECT_LE(accepted, 4) << "at most two minutes can have been touched";
}

TEST_P(StoreConformance, NoMoreRunAtOnceThanTheUserMay) {
  harness_->grant("u-two", "echo", 50);
  harness_->set_quota("u-two", {.max_running = 2});
  std::vector<ExecutionId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(queued({.user_id = "u-two"}));
  EXPECT_EQ(harness_->run(store_->list_candidates(10)).value().size(), 2u);
  EXPECT_EQ(store::taken(harness_->run(store_->claim(ids)).value()), (std::vector{ids[0], ids[1]}));
  EXPECT_EQ(harness_->running("u-two"), 2);
  EXPECT_TRUE(harness_->run(store_->list_candidates(10)).value().empty());
  EXPECT_GT(harness_->run(store_->explain_waiting(true)).value(), 0);
  EXPECT_EQ(harness_->row(ids[2])->reason, Reason::Throttled);
  ASSERT_TRUE(finish(end(ids[0], Stage::Claimed, Reason::EngineError, false)));
  EXPECT_EQ(store::taken(harness_->run(store_->claim({ids[2], ids[3]})).value()), std::vector{ids[2]});
}

TEST_P(StoreConformance, NoMoreRunAtOnceThanTheAgentMay) {
  AgentSpec narrow;
  narrow.image = "narrow:1";
  narrow.max_concurrent = 1;
  harness_->apply_agent("narrow", narrow);
  for (const auto* user : {"u-1", "u-2"}) harness_->grant(user, "narrow", 10);
  auto first = queued({.user_id = "u-1", .agent = "narrow"});
  auto second = queued({.user_id = "u-2", .agent = "narrow"});
  auto other = queued({.user_id = "u-1"});
  EXPECT_EQ(store::taken(harness_->run(store_->claim({first, second, other})).value()).size(), 2u);
  EXPECT_EQ(harness_->row(second)->stage, Stage::Queued);
  EXPECT_TRUE(harness_->run(store_->list_candidates(10)).value().empty());
  ASSERT_TRUE(finish(end(first, Stage::Claimed, Reason::EngineError, false)));
  EXPECT_EQ(harness_->run(store_->list_candidates(10)).value(), std::vector{second});
}

TEST_P(StoreConformance, WhatWaitsForASpendTakesNoPlaceAtTheHead) {
  AgentSpec other;
  other.image = "other:1";
  harness_->apply_agent("other", other);
  harness_->grant("u-one", "echo", 1);
  harness_->grant("u-one", "other", 10);
  std::vector<ExecutionId> waiting;
  for (int i = 0; i < 12; ++i) waiting.push_back(queued({.user_id = "u-one"}));
  const auto usable = queued({.user_id = "u-one", .agent = "other"});
  ASSERT_EQ(store::taken(harness_->run(store_->claim({waiting[0]})).value()).size(), 1u);
  EXPECT_EQ(harness_->run(store_->list_candidates(1)).value(), std::vector{usable});
  EXPECT_EQ(harness_->run(store_->list_candidates(100)).value(), std::vector{usable});
  EXPECT_EQ(harness_->run(store_->list_unlocked_candidates(4)).value(), std::vector{usable});
  EXPECT_GT(harness_->run(store_->explain_waiting(true)).value(), 0);
  EXPECT_EQ(harness_->row(waiting[1])->reason, Reason::Throttled);
  // The use comes back, and the next in the queue with it.
  ASSERT_TRUE(finish(end(waiting[0], Stage::Claimed, Reason::EngineError, false)));
  EXPECT_EQ(harness_->run(store_->list_candidates(1)).value(), std::vector{waiting[1]});
  // It is spent for good: those who waited for it end.
  ASSERT_EQ(store::taken(harness_->run(store_->claim({waiting[1]})).value()).size(), 1u);
  ASSERT_TRUE(finish(end(waiting[1], Stage::Claimed, Reason::ImageNotFound, false)));
  const auto rightless = harness_->run(store_->list_candidates(100)).value();
  EXPECT_EQ(rightless.size(), 11u);
  harness_->run(store_->claim(rightless)).value();
  EXPECT_EQ(harness_->row(waiting[2])->reason, Reason::EntitlementExhausted);
}

TEST_P(StoreConformance, WhoWaitsForASpendIsNotBeforeTheRowThatHasIt) {
  harness_->grant("u-one", "echo", 1);
  harness_->set_quota("u-one", {.max_running = 2});
  auto decision = accept(harness_->insert({.user_id = "u-one", .priority = -1}));
  decision.retry_limit = 1;
  ASSERT_TRUE(decide(decision));
  const ExecutionId holder = decision.id;
  ASSERT_EQ(store::taken(harness_->run(store_->claim({holder})).value()).size(), 1u);
  const auto first = queued({.user_id = "u-one"});
  const auto second = queued({.user_id = "u-one"});
  ASSERT_TRUE(harness_->run(store_->recycle(recycle_of(holder, Stage::Claimed))).value());
  ASSERT_TRUE(harness_->run(store_->requeue(holder, load(holder).ref.claim, Duration{0})).value());
  EXPECT_TRUE(harness_->wait_until([&] {
    return harness_->run(store_->list_candidates(2)).value() == std::vector{holder};
  })) << "the two before it wait for what it holds";
  EXPECT_EQ(harness_->row(first)->stage, Stage::Queued);
  EXPECT_EQ(harness_->row(second)->stage, Stage::Queued);
}

TEST_P(StoreConformance, WhatHasLostItsRightIsOfferedOnceAndThenLetsOthersPass) {
  const auto expiry = harness_->now() + std::chrono::seconds(2);
  harness_->grant("u-0", "echo", 50, expiry);
  std::vector<ExecutionId> rightless;
  for (int i = 0; i < 3; ++i) rightless.push_back(queued({.user_id = "u-0"}));
  const auto usable = queued();
  ASSERT_TRUE(harness_->wait_until([&] { return harness_->now() > expiry; }));
  EXPECT_EQ(harness_->run(store_->list_candidates(1)).value(), std::vector{rightless[0]}) << "to end it";
  EXPECT_EQ(harness_->run(store_->list_unlocked_candidates(1)).value(), std::vector{usable});
}

TEST_P(StoreConformance, WhatIsCleanedUpForARetryTakesTheAgentsRoom) {
  AgentSpec narrow;
  narrow.image = "narrow:1";
  narrow.max_concurrent = 1;
  narrow.retry_limit = 2;
  harness_->apply_agent("narrow", narrow);
  harness_->grant("u-1", "narrow", 10);
  auto decision = accept(harness_->insert({.user_id = "u-1", .agent = "narrow"}));
  decision.retry_limit = 2;
  ASSERT_TRUE(decide(decision));
  ASSERT_EQ(store::taken(harness_->run(store_->claim({decision.id})).value()).size(), 1u);
  queued({.user_id = "u-1", .agent = "narrow"});
  ASSERT_TRUE(harness_->run(store_->recycle(recycle_of(decision.id, Stage::Claimed))).value());
  EXPECT_TRUE(harness_->run(store_->list_candidates(10)).value().empty())
      << "its container is not proven gone";
}

TEST_P(StoreConformance, UsersTakeTurns) {
  for (const auto* user : {"u-heavy", "u-light", "u-middle"}) harness_->grant(user, "echo", 100);
  std::vector<ExecutionId> heavy;
  for (int i = 0; i < 6; ++i) heavy.push_back(queued({.user_id = "u-heavy"}));
  auto light = queued({.user_id = "u-light"});
  auto middle = queued({.user_id = "u-middle"});
  std::vector<ExecutionId> served;
  for (int slot = 0; slot < 4; ++slot) {
    const auto taken =
        store::taken(harness_->run(store_->claim(harness_->run(store_->list_candidates(1)).value())).value());
    ASSERT_EQ(taken.size(), 1u);
    served.push_back(taken[0]);
  }
  EXPECT_EQ(std::count(served.begin(), served.end(), light), 1);
  EXPECT_EQ(std::count(served.begin(), served.end(), middle), 1);
  EXPECT_EQ(std::count(served.begin(), served.end(), heavy[0]), 1);
  EXPECT_EQ(served[3], heavy[1]) << "only when everybody had a turn is it the heavy one's again";
}

TEST_P(StoreConformance, OneUserAloneMayHaveEverySlot) {
  std::vector<ExecutionId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(queued());
  EXPECT_EQ(harness_->run(store_->list_candidates(5)).value(), ids);
}

TEST_P(StoreConformance, AHigherBandGoesFirstAndAUsersOwnPriorityOrdersItsOwnRowsOnly) {
  harness_->grant("u-vip", "echo", 100);
  harness_->set_quota("u-vip", {.max_priority = 10});
  auto pushy = queued({.user_id = "u-1", .priority = 100});
  auto calm = queued({.user_id = "u-vip", .priority = -5});
  auto urgent = queued({.user_id = "u-vip", .priority = 7});
  EXPECT_EQ(harness_->run(store_->list_candidates(10)).value(), (std::vector{urgent, calm, pushy}));
}

TEST_P(StoreConformance, WithoutAFreeSlotRowsAreToldSo) {
  auto id = queued();
  EXPECT_EQ(harness_->run(store_->explain_waiting(true)).value(), 0);
  EXPECT_EQ(harness_->row(id)->reason, Reason::Queued);
  EXPECT_EQ(harness_->run(store_->explain_waiting(false)).value(), 1);
  EXPECT_EQ(harness_->row(id)->reason, Reason::NoCapacity);
  EXPECT_EQ(harness_->run(store_->explain_waiting(false)).value(), 0) << "said once";
  EXPECT_EQ(store::taken(harness_->run(store_->claim({id})).value()), std::vector{id});
}

}  // namespace slipway::store

#pragma once

// Rows and their steps: what is listed, what is written under which condition, and who may write at all.

#include "test/store/store_conformance.h"

namespace slipway::store {

template <class List, class Item>
bool contains(const List& list, const Item& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

template <class T>
ErrorClass class_of(const Result<T>& result) {
  return result.has_error() ? result.error().error_class : throw std::logic_error("expected an error");
}

TEST_P(StoreConformance, EpochGrowsAtEachRegistration) {
  auto second = harness_->open_session();
  EXPECT_EQ(register_as(*second, "node-a"), epoch_ + 1);
  EXPECT_EQ(harness_->run(second->heartbeat(report("node-a"))).value().epoch, epoch_ + 1);
}

TEST_P(StoreConformance, AnotherNameTakesNoEpochAway) {
  auto second = harness_->open_session();
  register_as(*second, "node-b");
  EXPECT_TRUE(harness_->run(store_->heartbeat(report("node-a"))).has_value());
}

TEST_P(StoreConformance, NewRowIsListedForDecisionWithItsAgent) {
  auto id = harness_->insert({});
  auto rows = harness_->run(store_->list_undecided(10)).value();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].id, id);
  EXPECT_EQ(rows[0].stage, Stage::New);
  EXPECT_EQ(rows[0].user_id, "u-1");
  EXPECT_EQ(rows[0].agent_revision, 1);
  ASSERT_TRUE(rows[0].spec);
  EXPECT_FALSE(rows[0].input.empty());
}

TEST_P(StoreConformance, UndecidedAreOldestFirstAndLimited) {
  auto first = harness_->insert({});
  auto second = harness_->insert({});
  harness_->insert({});
  auto rows = harness_->run(store_->list_undecided(2)).value();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].id, first);
  EXPECT_EQ(rows[1].id, second);
}

TEST_P(StoreConformance, RowOfAnUnknownAgentHasNoSpec) {
  harness_->insert({.agent = "nobody"});
  auto rows = harness_->run(store_->list_undecided(10)).value();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].agent_revision, 0);
  EXPECT_FALSE(rows[0].spec);
}

TEST_P(StoreConformance, InputIsReadBackAsInserted) {
  auto id = harness_->insert({.input = R"({"b":1, "a":[1,2]})"});
  EXPECT_EQ(harness_->run(store_->load_input(id)).value(), R"({"b":1, "a":[1,2]})");
}

TEST_P(StoreConformance, UnknownRowIsNotFound) {
  const ExecutionId nobody = "01234567-89ab-7def-8123-456789abcdef";
  EXPECT_EQ(class_of(harness_->run(store_->load(nobody))), ErrorClass::NotFound);
  EXPECT_EQ(class_of(harness_->run(store_->load_input(nobody))), ErrorClass::NotFound);
}

TEST_P(StoreConformance, DecisionPinsRevisionAndTimeout) {
  auto id = queued();
  auto row = load(id);
  EXPECT_EQ(row.stage, Stage::Queued);
  EXPECT_EQ(row.status, Status::Pending);
  EXPECT_EQ(row.agent_revision, 1);
  EXPECT_EQ(row.timeout, std::chrono::seconds(60));
  EXPECT_TRUE(harness_->run(store_->list_undecided(10)).value().empty());
}

TEST_P(StoreConformance, DecisionIsWrittenOnce) {
  auto id = queued();
  EXPECT_FALSE(decide(accept(id)));
}

TEST_P(StoreConformance, DeferredRowComesBackWhenDue) {
  auto id = harness_->insert({.not_before = harness_->now() + std::chrono::milliseconds(300)});
  auto later = accept(id);
  later.to = Stage::Deferred;
  ASSERT_TRUE(decide(later));
  EXPECT_TRUE(harness_->run(store_->list_undecided(10)).value().empty());
  EXPECT_TRUE(harness_->run(store_->list_candidates(10)).value().empty());
  ASSERT_TRUE(
      harness_->wait_until([&] { return harness_->run(store_->list_undecided(10)).value().size() == 1; }));
  auto due = accept(id);
  due.from = Stage::Deferred;
  EXPECT_TRUE(decide(due));
  EXPECT_EQ(load(id).stage, Stage::Queued);
}

TEST_P(StoreConformance, CancelledQueuedRowIsOvertakenAndNotClaimable) {
  auto id = queued();
  harness_->cancel(id);
  EXPECT_TRUE(harness_->run(store_->list_candidates(10)).value().empty());
  EXPECT_TRUE(store::taken(harness_->run(store_->claim({id})).value()).empty());
  auto rows = harness_->run(store_->list_undecided(10)).value();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_TRUE(rows[0].cancel_requested);
  EXPECT_EQ(rows[0].stage, Stage::Queued);
}

TEST_P(StoreConformance, PassedStartDeadlineIsOvertaken) {
  queued({.start_deadline = harness_->now() + std::chrono::milliseconds(200)});
  ASSERT_TRUE(
      harness_->wait_until([&] { return harness_->run(store_->list_undecided(10)).value().size() == 1; }));
}

TEST_P(StoreConformance, CandidatesComeByPriorityThenAge) {
  auto old_low = queued({.priority = 0});
  auto young_low = queued({.priority = 0});
  auto behind = queued({.priority = -1});
  auto rows = harness_->run(store_->list_candidates(10)).value();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0], old_low);
  EXPECT_EQ(rows[1], young_low);
  EXPECT_EQ(rows[2], behind);
  EXPECT_EQ(harness_->run(store_->list_candidates(2)).value().size(), 2u);
}

TEST_P(StoreConformance, ClaimTakesARowOnce) {
  auto id = queued();
  auto other = harness_->open_session();
  register_as(*other, "node-b");
  EXPECT_EQ(store::taken(harness_->run(store_->claim({id})).value()), std::vector{id});
  EXPECT_TRUE(store::taken(harness_->run(other->claim({id})).value()).empty());
  EXPECT_TRUE(store::taken(harness_->run(store_->claim({id})).value()).empty());
  auto row = load(id);
  EXPECT_EQ(row.stage, Stage::Claimed);
  EXPECT_EQ(row.ref.attempt, 1);
  EXPECT_FALSE(row.ref.claim.empty());
  ASSERT_TRUE(row.spec);
  EXPECT_EQ(harness_->attempts(id), 1);
}

TEST_P(StoreConformance, OnlyTheOwnersRowsAreUnconverged) {
  auto mine = claimed();
  queued();
  auto other = harness_->open_session();
  register_as(*other, "node-b");
  EXPECT_EQ(harness_->run(store_->list_unconverged()).value(), std::vector{mine});
  EXPECT_TRUE(harness_->run(other->list_unconverged()).value().empty());
}

TEST_P(StoreConformance, StepsFollowOneAnotherAndKeepTheirColumns) {
  auto id = running();
  auto row = load(id);
  EXPECT_EQ(row.stage, Stage::Running);
  EXPECT_EQ(row.status, Status::Running);
  EXPECT_EQ(row.engine, "4711@1");
  EXPECT_TRUE(row.intent_at && row.started_at && row.deadline_at);
  EXPECT_FALSE(row.verdict);
}

TEST_P(StoreConformance, TimesAreKeptToTheMicrosecond) {
  auto id = launching();
  auto transition = step(id, Stage::Launching, Stage::Running);
  transition.started_at = harness_->now() - std::chrono::microseconds(123'457);
  ASSERT_TRUE(record(transition));
  EXPECT_EQ(load(id).started_at, transition.started_at);
}

TEST_P(StoreConformance, StepFromAnotherStageWritesNothing) {
  auto id = claimed();
  EXPECT_FALSE(record(step(id, Stage::Launching, Stage::Running)));
  EXPECT_EQ(load(id).stage, Stage::Claimed);
}

TEST_P(StoreConformance, StepUnderAnotherClaimWritesNothing) {
  auto id = claimed();
  auto wrong = step(id, Stage::Claimed, Stage::Launching);
  wrong.claim = "22222222-2222-4222-8222-222222222222";
  EXPECT_FALSE(record(wrong));
  EXPECT_EQ(load(id).stage, Stage::Claimed);
}

TEST_P(StoreConformance, AnotherNodeWritesNothing) {
  auto id = claimed();
  auto other = harness_->open_session();
  register_as(*other, "node-b");
  EXPECT_FALSE(harness_->run(other->record(step(id, Stage::Claimed, Stage::Launching))).value());
  EXPECT_EQ(load(id).stage, Stage::Claimed);
}

TEST_P(StoreConformance, StaleEpochIsRefusedEverywhereAndWritesNothing) {
  auto id = running();
  auto waiting = queued();
  auto undecided = harness_->insert({});
  auto stopping = step(id, Stage::Running, Stage::Stopping);
  auto finishing = end(id, Stage::Running, Reason::Completed);
  auto recycling = recycle_of(id, Stage::Running);
  auto successor = harness_->open_session();
  register_as(*successor, "node-a");
  EXPECT_EQ(class_of(harness_->run(store_->heartbeat(report("node-a")))), ErrorClass::Conflict);
  EXPECT_EQ(class_of(harness_->run(store_->record(stopping))), ErrorClass::Conflict);
  EXPECT_EQ(class_of(harness_->run(store_->finish(finishing))), ErrorClass::Conflict);
  EXPECT_EQ(class_of(harness_->run(store_->recycle(recycling))), ErrorClass::Conflict);
  EXPECT_EQ(class_of(harness_->run(store_->claim({waiting}))), ErrorClass::Conflict);
  EXPECT_EQ(class_of(harness_->run(store_->decide({accept(undecided)}))), ErrorClass::Conflict);
  EXPECT_EQ(harness_->row(id)->stage, Stage::Running);
  EXPECT_EQ(harness_->row(waiting)->stage, Stage::Queued);
  EXPECT_EQ(harness_->row(undecided)->stage, Stage::New);
}

TEST_P(StoreConformance, SuccessorOfTheSameNameGoesOnWithItsRows) {
  auto id = launching();
  auto successor = harness_->open_session();
  register_as(*successor, "node-a");
  EXPECT_EQ(harness_->run(successor->list_unconverged()).value(), std::vector{id});
  auto row = harness_->run(successor->load(id)).value();
  store_.swap(successor);
  EXPECT_TRUE(record(step(id, Stage::Launching, Stage::Running)));
  EXPECT_EQ(load(id).ref.claim, row.ref.claim);
}

TEST_P(StoreConformance, CancelBeforeTheIntentWins) {
  auto id = claimed();
  harness_->cancel(id);
  auto intent = step(id, Stage::Claimed, Stage::Launching);
  intent.unless_cancelled = true;
  EXPECT_FALSE(record(intent));
  EXPECT_EQ(load(id).stage, Stage::Claimed);
  EXPECT_TRUE(load(id).cancel_requested);
}

TEST_P(StoreConformance, CancelAfterTheIntentDoesNotUndoIt) {
  auto id = claimed();
  auto intent = step(id, Stage::Claimed, Stage::Launching);
  intent.unless_cancelled = true;
  ASSERT_TRUE(record(intent));
  harness_->cancel(id);
  EXPECT_EQ(load(id).stage, Stage::Launching);
  EXPECT_TRUE(record(step(id, Stage::Launching, Stage::Running)));
}

TEST_P(StoreConformance, ProvablyNeverRanGoesBackUnderTheSameAttempt) {
  auto id = launching();
  auto back = step(id, Stage::Launching, Stage::Claimed);
  ASSERT_TRUE(record(back));
  auto row = load(id);
  EXPECT_EQ(row.stage, Stage::Claimed);
  EXPECT_EQ(row.ref.attempt, 1);
}

TEST_P(StoreConformance, VerdictIsKept) {
  auto id = running();
  ASSERT_TRUE(record(step(id, Stage::Running, Stage::Stopping)));
  auto row = load(id);
  EXPECT_EQ(row.stage, Stage::Stopping);
  EXPECT_EQ(row.status, Status::Running);
  EXPECT_EQ(row.verdict, Verdict::Cancel);
  EXPECT_TRUE(row.kill_at);
}

TEST_P(StoreConformance, CreateFailuresAreCountedOnTheRow) {
  auto id = claimed();
  auto failed = step(id, Stage::Claimed, Stage::Claimed);
  failed.create_failures = 3;
  ASSERT_TRUE(record(failed));
  EXPECT_EQ(load(id).create_failures, 3);
}

TEST_P(StoreConformance, ChangedTimeoutIsLoaded) {
  auto id = running();
  harness_->change_timeout(id, std::chrono::seconds(45));
  EXPECT_EQ(load(id).timeout, std::chrono::seconds(45));
}

TEST_P(StoreConformance, ASmallInputComesAlongAtTheClaimAndThereOnly) {
  const auto text = [](std::size_t bytes) { return '"' + std::string(bytes - 2, 'x') + '"'; };
  EXPECT_EQ(load(claimed({.input = text(kSmallInput)})).input, text(kSmallInput));
  EXPECT_EQ(load(claimed({.input = text(kSmallInput + 1)})).input, std::nullopt);
  EXPECT_EQ(load(queued()).input, std::nullopt);
  EXPECT_EQ(load(launching()).input, std::nullopt);
}

TEST_P(StoreConformance, ClaimsOfRowsAreLiveAndOthersAreNot) {
  auto id = claimed();
  const auto claim = load(id).ref.claim;
  const ClaimId nobody = "33333333-3333-4333-8333-333333333333";
  auto live = harness_->run(store_->live_claims({claim, nobody})).value();
  EXPECT_EQ(live, std::vector{claim});
}

TEST_P(StoreConformance, SubmittersChangeIsHinted) {
  auto id = running();
  bool hinted = false;
  store_->watch(
      [&](const Hint& hint) { hinted = hinted || (hint.kind == Hint::Kind::Changed && hint.id == id); });
  // Listening begins when the connection stands; a cancel is repeated until then, as any hint may be lost.
  EXPECT_TRUE(harness_->wait_until([&] {
    if (!hinted) harness_->change_timeout(id, load(id).timeout + std::chrono::seconds(1));
    return hinted;
  }));
  store_->unwatch();
}

}  // namespace slipway::store

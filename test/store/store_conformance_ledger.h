#pragma once

// Ends and books: results, spends and refunds, running counts, attempts, outcomes, retention.

#include "test/store/store_conformance_steps.h"

namespace slipway::store {

TEST_P(StoreConformance, FinishWritesStatusResultAndBooksTogether) {
  auto id = running();
  EXPECT_EQ(harness_->running("u-1"), 1);
  ASSERT_TRUE(finish(end(id, Stage::Running, Reason::Completed)));
  auto row = harness_->row(id);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->stage, Stage::Finished);
  EXPECT_EQ(row->status, Status::Completed);
  EXPECT_EQ(row->reason, Reason::Completed);
  EXPECT_EQ(row->output, R"({"answer":42})");
  EXPECT_EQ(row->exit_code, 0);
  EXPECT_FALSE(row->message.empty());
  EXPECT_TRUE(harness_->spend(id).exists);
  EXPECT_FALSE(harness_->spend(id).refunded);
  EXPECT_EQ(harness_->remaining_uses("u-1", "echo"), StoreHarness::kUses - 1);
  EXPECT_EQ(harness_->running("u-1"), 0);
  EXPECT_EQ(harness_->counted("echo"), 1);
}

TEST_P(StoreConformance, FinishHappensOnce) {
  auto id = running();
  auto first = end(id, Stage::Running, Reason::Completed);
  auto second = end(id, Stage::Running, Reason::NonZeroExit);
  ASSERT_TRUE(finish(first));
  EXPECT_FALSE(finish(second));
  EXPECT_FALSE(finish(first));
  EXPECT_EQ(harness_->row(id)->status, Status::Completed);
  EXPECT_EQ(harness_->counted("echo"), 1);
  EXPECT_EQ(harness_->running("u-1"), 0);
}

TEST_P(StoreConformance, AgentsFaultKeepsTheUseAndTheResultIsOnlyPartial) {
  auto id = running();
  auto failed = end(id, Stage::Running, Reason::NonZeroExit);
  failed.attempt.partial_result = R"({"half":true})";
  ASSERT_TRUE(finish(failed));
  auto row = harness_->row(id);
  EXPECT_EQ(row->status, Status::Failed);
  EXPECT_EQ(row->fault, Fault::Agent);
  EXPECT_FALSE(row->output);
  EXPECT_EQ(harness_->partial_result(id, 1), R"({"half":true})");
  EXPECT_FALSE(harness_->spend(id).refunded);
}

TEST_P(StoreConformance, PlatformFaultGivesTheUseBack) {
  auto id = launching();
  ASSERT_TRUE(finish(end(id, Stage::Launching, Reason::EngineError, false)));
  EXPECT_EQ(harness_->row(id)->fault, Fault::Platform);
  EXPECT_TRUE(harness_->spend(id).refunded);
  EXPECT_EQ(harness_->remaining_uses("u-1", "echo"), StoreHarness::kUses);
}

TEST_P(StoreConformance, AUseIsGivenBackOnceAndNoOtherWithIt) {
  const auto other = running();
  auto id = launching();
  const auto lost = end(id, Stage::Launching, Reason::EngineError, false);
  ASSERT_TRUE(finish(lost));
  EXPECT_EQ(harness_->remaining_uses("u-1", "echo"), StoreHarness::kUses - 1);
  EXPECT_FALSE(finish(lost)) << "it has ended";
  EXPECT_EQ(harness_->remaining_uses("u-1", "echo"), StoreHarness::kUses - 1);
  EXPECT_FALSE(harness_->spend(other).refunded);
}

TEST_P(StoreConformance, CancelBeforeStartGivesTheUseBack) {
  auto id = claimed();
  ASSERT_TRUE(finish(end(id, Stage::Claimed, Reason::Cancelled, false)));
  EXPECT_EQ(harness_->row(id)->fault, Fault::User);
  EXPECT_TRUE(harness_->spend(id).refunded);
}

TEST_P(StoreConformance, CancelAfterStartKeepsTheUse) {
  auto id = running();
  ASSERT_TRUE(record(step(id, Stage::Running, Stage::Stopping)));
  ASSERT_TRUE(finish(end(id, Stage::Stopping, Reason::Cancelled, true)));
  EXPECT_FALSE(harness_->spend(id).refunded);
  EXPECT_EQ(harness_->remaining_uses("u-1", "echo"), StoreHarness::kUses - 1);
}

TEST_P(StoreConformance, RefusalSpendsNothingAndIsCounted) {
  auto id = harness_->insert({});
  auto refused = accept(id);
  refused.to = Stage::Finished;
  refused.reason = Reason::InputInvalid;
  ASSERT_TRUE(decide(refused));
  auto row = harness_->row(id);
  EXPECT_EQ(row->stage, Stage::Finished);
  EXPECT_EQ(row->status, Status::Failed);
  EXPECT_EQ(row->fault, Fault::User);
  EXPECT_FALSE(harness_->spend(id).exists);
  EXPECT_EQ(harness_->counted("echo"), 1);
}

TEST_P(StoreConformance, NoEntitlementNoRun) {
  auto id = harness_->insert({.user_id = "u-poor"});
  decide(accept(id));
  EXPECT_EQ(harness_->row(id)->reason, Reason::EntitlementMissing);
  EXPECT_TRUE(store::taken(harness_->run(store_->claim({id})).value()).empty());
  EXPECT_FALSE(harness_->spend(id).exists);
}

TEST_P(StoreConformance, LastUseIsSpentOnceAndTheNextRowWaitsForItsFate) {
  harness_->grant("u-2", "echo", 1);
  auto first = queued({.user_id = "u-2"});
  auto second = queued({.user_id = "u-2"});
  EXPECT_EQ(store::taken(harness_->run(store_->claim({first, second})).value()), std::vector{first});
  EXPECT_EQ(harness_->remaining_uses("u-2", "echo"), 0);
  EXPECT_EQ(harness_->row(second)->stage, Stage::Queued);
  ASSERT_TRUE(finish(end(first, Stage::Claimed, Reason::EngineError, false)));
  EXPECT_EQ(store::taken(harness_->run(store_->claim({second})).value()), std::vector{second});
}

TEST_P(StoreConformance, ExhaustedIsFinalOnceEverySpendIsSettled) {
  harness_->grant("u-3", "echo", 1);
  auto first = claimed({.user_id = "u-3"});
  auto second = queued({.user_id = "u-3"});
  ASSERT_TRUE(record(step(first, Stage::Claimed, Stage::Launching)));
  ASSERT_TRUE(record(step(first, Stage::Launching, Stage::Running)));
  ASSERT_TRUE(finish(end(first, Stage::Running, Reason::Completed)));
  EXPECT_TRUE(store::taken(harness_->run(store_->claim({second})).value()).empty());
  EXPECT_EQ(harness_->row(second)->reason, Reason::EntitlementExhausted);
  EXPECT_EQ(harness_->remaining_uses("u-3", "echo"), 0);
}

TEST_P(StoreConformance, RecycleKeepsTheSpendAndTheNextClaimIsANewAttempt) {
  auto id = running(1);
  const auto first_claim = load(id).ref.claim;
  auto recycle = recycle_of(id, Stage::Running);
  recycle.attempt.partial_result = R"({"first":1})";
  ASSERT_TRUE(harness_->run(store_->recycle(recycle)).value());
  EXPECT_EQ(load(id).stage, Stage::Recycling);
  EXPECT_EQ(load(id).status, Status::Pending);
  EXPECT_EQ(harness_->run(store_->list_unconverged()).value(), std::vector{id});
  ASSERT_TRUE(harness_->run(store_->requeue(id, first_claim, std::chrono::milliseconds(0))).value());
  EXPECT_EQ(load(id).stage, Stage::Queued);
  EXPECT_EQ(harness_->running("u-1"), 0);
  EXPECT_TRUE(harness_->run(store_->list_unconverged()).value().empty());
  EXPECT_TRUE(harness_->run(store_->live_claims({first_claim})).value().empty());
  ASSERT_EQ(store::taken(harness_->run(store_->claim({id})).value()), std::vector{id});
  auto row = load(id);
  EXPECT_EQ(row.ref.attempt, 2);
  EXPECT_NE(row.ref.claim, first_claim);
  EXPECT_FALSE(row.intent_at || row.started_at || row.deadline_at || row.verdict || row.kill_at);
  EXPECT_EQ(harness_->attempts(id), 2);
  EXPECT_EQ(harness_->partial_result(id, 1), R"({"first":1})");
  EXPECT_EQ(harness_->remaining_uses("u-1", "echo"), StoreHarness::kUses - 1);
  EXPECT_EQ(harness_->counted("echo"), 0);
}

TEST_P(StoreConformance, BackoffHoldsTheNextAttemptBack) {
  auto id = running(1);
  ASSERT_TRUE(harness_->run(store_->recycle(recycle_of(id, Stage::Running))).value());
  ASSERT_TRUE(harness_->run(store_->requeue(id, load(id).ref.claim, std::chrono::milliseconds(300))).value());
  EXPECT_TRUE(harness_->run(store_->list_candidates(10)).value().empty());
  EXPECT_TRUE(store::taken(harness_->run(store_->claim({id})).value()).empty());
  EXPECT_TRUE(
      harness_->wait_until([&] { return harness_->run(store_->list_candidates(10)).value().size() == 1; }));
}

TEST_P(StoreConformance, OldClaimWritesNothingAfterRequeue) {
  auto id = running(1);
  auto late = end(id, Stage::Running, Reason::Completed);
  ASSERT_TRUE(harness_->run(store_->recycle(recycle_of(id, Stage::Running))).value());
  EXPECT_FALSE(finish(late));
  ASSERT_TRUE(harness_->run(store_->requeue(id, late.claim, std::chrono::milliseconds(0))).value());
  ASSERT_EQ(store::taken(harness_->run(store_->claim({id})).value()).size(), 1u);
  EXPECT_FALSE(finish(late));
  EXPECT_EQ(load(id).stage, Stage::Claimed);
}

TEST_P(StoreConformance, CancelWhileRecyclingGivesTheUseBackAndKeepsTheEvidence) {
  auto id = running(1);
  auto recycle = recycle_of(id, Stage::Running);
  recycle.attempt.partial_result = R"({"kept":1})";
  ASSERT_TRUE(harness_->run(store_->recycle(recycle)).value());
  harness_->cancel(id);
  ASSERT_TRUE(finish(end(id, Stage::Recycling, Reason::Cancelled, false)));
  EXPECT_TRUE(harness_->spend(id).refunded);
  EXPECT_EQ(harness_->running("u-1"), 0);
  EXPECT_EQ(harness_->partial_result(id, 1), R"({"kept":1})");
}

TEST_P(StoreConformance, LogsAreStoredInOrder) {
  auto id = running();
  auto done = end(id, Stage::Running, Reason::Completed);
  done.attempt.logs.push_back({LogChunk::Stream::Stdout, harness_->now(), "one\n"});
  done.attempt.logs.push_back({LogChunk::Stream::Stderr, harness_->now(), std::string("t\0wo\xff\n", 7)});
  ASSERT_TRUE(finish(done));
  EXPECT_EQ(harness_->stored_logs(id), std::string("one\nt\0wo\xff\n", 11));
}

TEST_P(StoreConformance, WhatARunningAttemptSaysIsAppended) {
  auto id = running();
  EXPECT_EQ(harness_->run(store_->live_log(id, 1)).value().end, 0);
  const auto began = harness_->now();
  ASSERT_TRUE(said(id, 0, "one\n", began));
  ASSERT_TRUE(said(id, 4, "two\n", began + std::chrono::seconds(1)));
  EXPECT_EQ(harness_->stored_logs(id), "one\ntwo\n");
  const auto live = harness_->run(store_->live_log(id, 1)).value();
  EXPECT_EQ(live.end, 8);
  EXPECT_EQ(live.begins, began);
  EXPECT_EQ(live.until, began + std::chrono::seconds(1));
  ASSERT_TRUE(record(step(id, Stage::Running, Stage::Stopping)));
  EXPECT_TRUE(said(id, 8, "leaving\n"));
  EXPECT_EQ(harness_->stored_logs(id), "one\ntwo\nleaving\n");
}

TEST_P(StoreConformance, WhatIsAppendedAgainIsThereOnce) {
  auto id = running();
  ASSERT_TRUE(said(id, 0, "one\ntwo\n"));
  EXPECT_TRUE(said(id, 0, "one\n"));
  EXPECT_TRUE(said(id, 4, "two\n"));
  EXPECT_TRUE(said(id, 4, "two\nthree\n")) << "what is new of it is added";
  EXPECT_EQ(harness_->stored_logs(id), "one\ntwo\nthree\n");
  EXPECT_FALSE(said(id, 20, "five\n")) << "it would leave a gap";
  EXPECT_EQ(harness_->stored_logs(id), "one\ntwo\nthree\n");
}

TEST_P(StoreConformance, OnlyTheOwnerOfARunningAttemptAppends) {
  auto early = launching();
  EXPECT_FALSE(said(early, 0, "too early\n"));
  auto id = running();
  const auto claim = load(id).ref.claim;
  EXPECT_FALSE(said(id, 0, "not the claim\n", {}, claimed_by_nobody()));
  auto other = harness_->open_session();
  register_as(*other, "node-b");
  EXPECT_FALSE(harness_->run(other->append_log(append_of(id, 0, "not the node\n", {}, claim))).value());
  ASSERT_TRUE(finish(end(id, Stage::Running, Reason::Completed)));
  EXPECT_FALSE(said(id, 0, "too late\n", {}, claim));
  EXPECT_EQ(harness_->stored_logs(id), "");
  auto fenced = running();
  auto successor = harness_->open_session();
  register_as(*successor, "node-a");
  EXPECT_EQ(class_of(harness_->run(store_->append_log(append_of(fenced, 0, "stale\n", {}, claim)))),
            ErrorClass::Conflict);
}

TEST_P(StoreConformance, TheEndPutsTheWholeLogInThePlaceOfWhatWasAppended) {
  auto id = running();
  ASSERT_TRUE(said(id, 0, "one\n"));
  ASSERT_TRUE(said(id, 4, "two\n"));
  auto done = end(id, Stage::Running, Reason::Completed);
  done.attempt.logs_behind = 0;
  done.attempt.logs.push_back({LogChunk::Stream::Stdout, harness_->now(), "one\ntwo\nthree\n"});
  ASSERT_TRUE(finish(done));
  EXPECT_EQ(harness_->stored_logs(id), "one\ntwo\nthree\n");
}

TEST_P(StoreConformance, TheEndKeepsWhatWasAppendedBeforeItsOwn) {
  auto id = running();
  ASSERT_TRUE(said(id, 0, "head\n"));
  ASSERT_TRUE(said(id, 5, "not seen by the end\n"));
  auto done = end(id, Stage::Running, Reason::Completed);
  done.attempt.logs_behind = 5;
  done.attempt.logs.push_back({LogChunk::Stream::Stdout, harness_->now(), "tail\n"});
  ASSERT_TRUE(finish(done));
  EXPECT_EQ(harness_->stored_logs(id), "head\ntail\n");
}

TEST_P(StoreConformance, AnAttemptThatLeftNoLogKeepsWhatWasAppended) {
  auto id = running(1);
  ASSERT_TRUE(said(id, 0, "last words\n"));
  ASSERT_TRUE(harness_->run(store_->recycle(recycle_of(id, Stage::Running))).value());
  EXPECT_EQ(harness_->stored_logs(id), "last words\n");
}

TEST_P(StoreConformance, CleanedIsConverged) {
  auto id = running();
  ASSERT_TRUE(finish(end(id, Stage::Running, Reason::Completed)));
  EXPECT_EQ(harness_->run(store_->list_unconverged()).value(), std::vector{id});
  auto cleaned = step(id, Stage::Finished, Stage::Cleaned);
  cleaned.reason = Reason::Completed;
  ASSERT_TRUE(record(cleaned));
  EXPECT_TRUE(harness_->run(store_->list_unconverged()).value().empty());
  auto row = harness_->row(id);
  EXPECT_EQ(row->status, Status::Completed);
  EXPECT_EQ(row->reason, Reason::Completed);
  EXPECT_EQ(row->output, R"({"answer":42})");
}

TEST_P(StoreConformance, OutcomesAreFoldedOnce) {
  for (int i = 0; i < 3; ++i) {
    auto id = claimed();
    ASSERT_TRUE(finish(end(id, Stage::Claimed, Reason::EngineError, false)));
  }
  EXPECT_EQ(harness_->run(store_->fold_outcomes(2)).value(), 2);
  EXPECT_EQ(harness_->counted("echo"), 3);
  EXPECT_EQ(harness_->run(store_->fold_outcomes(10)).value(), 1);
  EXPECT_EQ(harness_->run(store_->fold_outcomes(10)).value(), 0);
  EXPECT_EQ(harness_->counted("echo"), 3);
}

TEST_P(StoreConformance, RetireRemovesOldRowsAndKeepsTheLedgers) {
  auto id = running();
  auto young = running();
  for (const auto& each : {id, young}) {
    ASSERT_TRUE(finish(end(each, Stage::Running, Reason::Completed)));
    ASSERT_TRUE(record(step(each, Stage::Finished, Stage::Cleaned)));
  }
  EXPECT_EQ(harness_->run(store_->retire(10)).value(), 0);
  harness_->age(id, std::chrono::days(31));
  EXPECT_EQ(harness_->run(store_->retire(10)).value(), 1);
  EXPECT_FALSE(harness_->row(id));
  EXPECT_TRUE(harness_->row(young));
  EXPECT_TRUE(harness_->spend(id).exists);
  EXPECT_EQ(harness_->counted("echo"), 2);
  EXPECT_EQ(harness_->remaining_uses("u-1", "echo"), StoreHarness::kUses - 2);
}

}  // namespace slipway::store

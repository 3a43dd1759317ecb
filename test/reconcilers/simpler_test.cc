#include "reconcilers/execution/simpler.h"

#include <gtest/gtest.h>

namespace slipway::reconcilers {
namespace {

const AttemptRef kRef{"e-1", 2, "c-1"};

store::AttemptEnd evidence(Reason reason) {
  store::AttemptEnd end;
  end.reason = reason;
  end.exit_code = 3;
  end.oom_killed = true;
  end.started = true;
  end.finished_at = TimePoint{};
  end.peak_memory_bytes = 1;
  end.cpu_ms = 1;
  end.partial_result = "x";
  end.logs = {{LogChunk::Stream::Stdout, TimePoint{}, "said"}};
  end.logs_behind = 4;
  end.detail = "words of the engine";
  return end;
}

store::Finish finish(Reason reason) {
  store::Finish end;
  end.id = "e-1";
  end.claim = "c-1";
  end.from = Stage::Running;
  end.reason = reason;
  end.attempt = evidence(reason);
  return end;
}

std::vector<Record> forms(Record record) {
  std::vector<Record> all;
  for (auto next = simpler(record, kRef); next; next = simpler(*next, kRef)) all.push_back(*next);
  return all;
}

const store::Finish& end_in(const Record& record) { return std::get<store::Finish>(record); }

void expect_bare(const store::AttemptEnd& end) {
  EXPECT_FALSE(end.finished_at || end.peak_memory_bytes || end.cpu_ms || end.partial_result ||
               end.logs_behind);
  EXPECT_TRUE(end.logs.empty());
  EXPECT_EQ(end.detail, "");
}

TEST(Simpler, AnEndLosesItsEvidenceAndKeepsWhatDecidesWhoPays) {
  auto failed = finish(Reason::NonZeroExit);
  failed.message = "words";
  const auto all = forms(failed);
  ASSERT_EQ(all.size(), 1U);
  const auto& bare = end_in(all[0]);
  EXPECT_EQ(bare.reason, Reason::NonZeroExit);
  EXPECT_EQ(bare.message, "");
  expect_bare(bare.attempt);
  EXPECT_EQ(bare.attempt.reason, Reason::NonZeroExit);
  EXPECT_EQ(bare.attempt.exit_code, 3);
  EXPECT_TRUE(bare.attempt.started && bare.attempt.oom_killed && bare.attempt.logs_truncated);
  EXPECT_EQ(bare.from, Stage::Running);
  EXPECT_EQ(bare.claim, "c-1");
}

TEST(Simpler, AResultIsTriedOnceMoreWithoutTheEvidenceAndThenGivenUp) {
  auto completed = finish(Reason::Completed);
  completed.output = "{}";
  const auto all = forms(completed);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(end_in(all[0]).reason, Reason::Completed);
  EXPECT_EQ(end_in(all[0]).output, "{}");
  expect_bare(end_in(all[0]).attempt);
  EXPECT_EQ(end_in(all[1]).reason, Reason::OutputInvalid);
  EXPECT_EQ(end_in(all[1]).attempt.reason, Reason::OutputInvalid);
  EXPECT_FALSE(end_in(all[1]).output);
}

TEST(Simpler, AnotherAttemptComesBeforeTheEnd) {
  const auto all = forms(store::Recycle{"e-1", "c-1", Stage::Running, evidence(Reason::Interrupted)});
  ASSERT_EQ(all.size(), 2U);
  expect_bare(std::get<store::Recycle>(all[0]).attempt);
  EXPECT_EQ(end_in(all[1]).reason, Reason::Interrupted);
  EXPECT_TRUE(end_in(all[1]).attempt.started);
}

TEST(Simpler, AStepLosesTheEnginesWordsAndThenEndsTheExecution) {
  store::Transition intent;
  intent.id = "e-1";
  intent.claim = "c-1";
  intent.from = Stage::Claimed;
  intent.to = Stage::Launching;
  intent.container_id = "abc";
  intent.image_id = "sha256:1";
  intent.effective_limits = "{}";
  intent.intent_at = TimePoint{};
  const auto all = forms(intent);
  ASSERT_EQ(all.size(), 2U);
  const auto& step = std::get<store::Transition>(all[0]);
  EXPECT_FALSE(step.container_id || step.effective_limits);
  EXPECT_TRUE(step.image_id && step.intent_at) << "what later passes rest on";
  EXPECT_EQ(end_in(all[1]).reason, Reason::EngineError);
  EXPECT_FALSE(end_in(all[1]).attempt.started);
}

TEST(Simpler, AVerdictEndsByItself) {
  const std::pair<Verdict, Reason> cases[] = {{Verdict::Deadline, Reason::DeadlineExceeded},
                                              {Verdict::Cancel, Reason::Cancelled},
                                              {Verdict::Drain, Reason::NodeDraining}};
  for (const auto& [verdict, reason] : cases) {
    store::Transition stopping;
    stopping.from = Stage::Running;
    stopping.to = Stage::Stopping;
    stopping.verdict = verdict;
    const auto all = forms(stopping);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(end_in(all[0]).reason, reason);
    EXPECT_TRUE(end_in(all[0]).attempt.started);
  }
}

TEST(Simpler, WhatHasEndedOrCannotWaitAgain) {
  store::Transition cleaned;
  cleaned.from = Stage::Finished;
  cleaned.to = Stage::Cleaned;
  EXPECT_TRUE(forms(cleaned).empty());
  EXPECT_TRUE(forms(NoRecord{}).empty());
  const auto all = forms(Requeue{});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(end_in(all[0]).from, Stage::Recycling);
  EXPECT_EQ(end_in(all[0]).claim, "c-1");
}

TEST(Simpler, ADecisionLosesItsWordsAndThenRefusesTheRow) {
  store::Decision decision{.id = "e-1", .message = "words", .agent_revision = 1};
  const auto without = simpler(decision);
  ASSERT_TRUE(without);
  EXPECT_EQ(without->message, "");
  EXPECT_EQ(without->to, Stage::Queued);
  const auto refused = simpler(*without);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->to, Stage::Finished);
  EXPECT_EQ(refused->reason, Reason::EngineError);
  EXPECT_FALSE(simpler(*refused));
}

}  // namespace
}  // namespace slipway::reconcilers

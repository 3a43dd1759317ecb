#include <gtest/gtest.h>

#include "test/reconcilers/plan_fixture.h"

namespace slipway::reconcilers {
namespace {

using namespace testing;
using enum ContainerState;

struct Case {
  Execution e = row_at(Stage::Running);
  Observation o = seen(Exited);
  NodeView n = node();
  Findings f;

  Case() { f.evidence.result_state = Evidence::ResultState::Present, f.evidence.result = "{}"; }
  Record record() const { return conclude(e, o, n, f, kNow); }
  std::string words() const { return std::visit(DescribeRecord{}, record()); }
  store::Finish finish() const { return std::get<store::Finish>(record()); }
};

TEST(Conclude, ExitZeroWithAValidResultCompletes) {
  Case c;
  const auto finish = c.finish();
  EXPECT_EQ(finish.reason, Reason::Completed);
  EXPECT_EQ(finish.output, "{}");
  EXPECT_FALSE(finish.attempt.partial_result);
  EXPECT_EQ(finish.attempt.exit_code, 0);
  EXPECT_TRUE(finish.attempt.started);
  EXPECT_EQ(finish.attempt.finished_at, *c.e.started_at + 9s);
}

TEST(Conclude, ResultsAreJudgedOnlyAfterExitZero) {
  const auto with = [](Evidence::ResultState state, std::string problem = "") {
    Case c;
    c.f.evidence.result_state = state;
    c.f.result_problem = std::move(problem);
    return c.words();
  };
  EXPECT_EQ(with(Evidence::ResultState::Missing), "finish OutputMissing");
  EXPECT_EQ(with(Evidence::ResultState::NotRegular), "finish OutputMissing");
  EXPECT_EQ(with(Evidence::ResultState::TooLarge), "finish OutputTooLarge");
  EXPECT_EQ(with(Evidence::ResultState::Present, "not JSON"), "finish OutputInvalid");
  Case cut;
  cut.f.evidence.output_full = true;
  EXPECT_EQ(cut.words(), "finish Completed") << "it just fitted";
  cut.f.result_problem = "not JSON";
  EXPECT_EQ(cut.words(), "finish OutputTooLarge");
  Case c;
  c.o.exit_code = 3;
  EXPECT_EQ(c.words(), "finish NonZeroExit") << "a non-zero exit wins over a result";
  EXPECT_EQ(c.finish().attempt.partial_result, "{}") << "and what was written is kept";
  EXPECT_FALSE(c.finish().output);
}

TEST(Conclude, OutOfMemoryVerdictAndCodeAreThreeFacts) {
  Case c;
  c.o.oom_killed = true;
  EXPECT_EQ(c.words(), "finish Completed") << "only a child died; the agent coped";
  c.o.exit_code = 137;
  EXPECT_EQ(c.words(), "finish OOMKilled");
  c.o.oom_killed = false;
  EXPECT_EQ(c.words(), "finish NonZeroExit") << "137 can be forged";
  c.e.stage = Stage::Stopping;
  c.e.verdict = Verdict::Deadline;
  EXPECT_EQ(c.words(), "finish DeadlineExceeded");
  EXPECT_EQ(c.finish().attempt.exit_code, 137);
  c.e.verdict = Verdict::Cancel;
  EXPECT_EQ(c.words(), "finish Cancelled");
  EXPECT_TRUE(c.finish().attempt.started) << "so the use stays spent";
  c.e.verdict = Verdict::Drain;
  EXPECT_EQ(c.words(), "finish NodeDraining");
}

TEST(Conclude, AnExitAtOrAfterTheDeadlineIsATimeoutWithoutAVerdict) {
  Case c;
  c.o.exit_code = 143;
  c.o.started_at = kNow - 62s;
  c.e.started_at = kNow - 62s;
  c.o.finished_at = c.o.started_at + kTimeout;
  EXPECT_EQ(c.words(), "finish DeadlineExceeded");
  c.o.finished_at -= 1ms;
  EXPECT_EQ(c.words(), "finish NonZeroExit");
}

TEST(Conclude, LostContainersAreThePlatformsFault) {
  for (const auto state : {Absent, Created}) {
    Case c;
    c.o = seen(state);
    EXPECT_EQ(c.words(), "finish ContainerLost");
    EXPECT_EQ(c.finish().attempt.partial_result, "{}") << "what it left is kept";
    EXPECT_EQ(c.finish().attempt.exit_code, std::nullopt);
    c.e.retry_limit = 1;
    EXPECT_EQ(c.words(), "recycle ContainerLost");
    c.e.cancel_requested = true;
    EXPECT_EQ(c.words(), "finish ContainerLost");
  }
  Case stranger;
  stranger.o.ours = false;
  EXPECT_EQ(stranger.words(), "finish ContainerLost");
}

TEST(Conclude, ARestartOfTheEngineInterruptsUnlessTheRunHadCompleted) {
  Case c;
  c.o.engine = "engine-2";
  c.o.exit_code = 137;
  c.o.engine_started_at = c.o.finished_at - 2s;
  EXPECT_EQ(c.words(), "finish Interrupted");
  c.n.live_restore = true;
  EXPECT_EQ(c.words(), "finish NonZeroExit") << "with live-restore the shim lived: the outcome is true";
  c.o.exit_code = 255;
  EXPECT_EQ(c.words(), "finish Interrupted") << "but the engine gives this code to an end it was not told of";
  c.o.engine = "engine-1";
  EXPECT_EQ(c.words(), "finish NonZeroExit") << "the program's own, under one and the same engine";
  c.o.engine = "engine-2";
  c.o.exit_code = 137;
  c.n.live_restore = false;
  c.o.engine_started_at = c.o.finished_at - 10min;
  EXPECT_EQ(c.words(), "finish NonZeroExit") << "long after the restart it is its own end";
  c.o.engine_started_at = c.o.finished_at + 10min;
  EXPECT_EQ(c.words(), "finish Interrupted") << "it ended while no engine ran";
  c.o.exit_code = 0;
  EXPECT_EQ(c.words(), "finish Completed");
  c.f.evidence.result_state = Evidence::ResultState::Missing;
  EXPECT_EQ(c.words(), "finish Interrupted")
      << "exit 0 without a result near a restart proves nothing against the agent";
}

/// TERM after the deadline, of a run that the engine later says ended long before.
Case stopped(Verdict verdict, Duration ended_before_now) {
  Case c;
  c.e.stage = Stage::Stopping;
  c.e.started_at = kNow - 70s;
  c.e.verdict = verdict;
  c.e.kill_at = kNow - 10s +
                (verdict == Verdict::Deadline ? Duration(kGracePastDeadline)
                                              : Duration(c.e.spec->termination_grace_period));
  c.o.started_at = kNow - 70s;
  c.o.finished_at = kNow - ended_before_now;
  return c;
}

TEST(Conclude, WhatHadEndedBeforeTheVerdictIsJudgedByItsOwnEnd) {
  for (const auto verdict : {Verdict::Deadline, Verdict::Cancel, Verdict::Drain}) {
    auto c = stopped(verdict, 20s);
    EXPECT_EQ(c.words(), "finish Completed");
    EXPECT_EQ(c.finish().output, "{}");
    EXPECT_EQ(c.finish().attempt.finished_at, kNow - 20s);
    c.o.exit_code = 3;
    EXPECT_EQ(c.words(), "finish NonZeroExit");
    EXPECT_NE(stopped(verdict, 10s).words(), "finish Completed") << "at the signal";
    EXPECT_NE(stopped(verdict, 9s).words(), "finish Completed") << "after it";
    EXPECT_NE(stopped(verdict, 10s + 20ms).words(), "finish Completed")
        << "clocks agree to some milliseconds";
    c.o.finished_at = c.o.started_at + 1h;
    c.o.observed_at = c.o.finished_at + 20s;
    EXPECT_EQ(c.words(), "finish NonZeroExit")
        << "the host's clock was set in mid-run: it ended 20 s ago all the same";
    c.o.observed_at = c.o.finished_at + 1h;
    EXPECT_NE(c.words(), "finish NonZeroExit")
        << "neither how long it ran nor how long ago it ended can be: the verdict";
  }
}

TEST(Conclude, ASetClockMakesNoTimeout) {
  for (const auto step : {-1h, 1h}) {
    Case c;  // ran from 10 s to 1 s ago
    c.o.finished_at += step;
    c.o.observed_at += step;
    EXPECT_EQ(c.words(), "finish Completed") << "set in mid-run";
    EXPECT_EQ(c.finish().attempt.finished_at, kNow - 1s);
    Case later;
    later.o.observed_at += step;
    EXPECT_EQ(later.words(), "finish Completed") << "set after the end";
    EXPECT_EQ(later.finish().attempt.finished_at, kNow - 1s);
  }
}

TEST(Conclude, AnEarlyStampOfTheStartMakesNoTimeout) {
  Case c;
  c.o.started_at = kNow - kTimeout - 5s;  // of the beginning of a start that took long
  EXPECT_EQ(c.words(), "finish Completed");
}

TEST(Conclude, AfterTenMinutesAwayTheEngineSaysWhenItEnded) {
  Case c;
  c.e.started_at = c.o.started_at = kNow - 10min;
  c.o.finished_at = kNow - 10min + 50s;
  EXPECT_EQ(c.words(), "finish Completed");
  c.o.finished_at = kNow - 10min + kTimeout;
  EXPECT_EQ(c.words(), "finish DeadlineExceeded");
}

TEST(Conclude, ARunTooShortToBeSeenIsOne) {
  Case c;
  c.e.started_at = c.o.started_at = c.o.finished_at = kNow - 1s;
  EXPECT_EQ(c.words(), "finish Completed");
  c.o.started_at += 2ms;  // some engines stamp the start after the process has begun
  EXPECT_EQ(c.words(), "finish Completed");
}

TEST(Conclude, WhatAPersonStoppedIsNotTheAgentsFault) {
  Case c;
  c.o.stopped_from_outside = true;
  EXPECT_EQ(c.words(), "finish Completed") << "it coped, and its result is whole";
  for (const int code : {137, 143, 1}) {
    c.o.exit_code = code;
    EXPECT_EQ(c.words(), "finish Interrupted");
  }
  c.e.stage = Stage::Stopping;
  c.e.verdict = Verdict::Cancel;
  EXPECT_EQ(c.words(), "finish Cancelled") << "the signal was ours";
}

TEST(Conclude, AVerdictIsNeverRetriedUnlessThePlatformGaveIt) {
  Case c;
  c.e.retry_limit = 3;
  c.e.verdict = Verdict::Deadline;
  EXPECT_EQ(c.words(), "finish DeadlineExceeded");
  c.e.verdict = Verdict::Drain;
  EXPECT_EQ(c.words(), "recycle NodeDraining");
}

}  // namespace
}  // namespace slipway::reconcilers

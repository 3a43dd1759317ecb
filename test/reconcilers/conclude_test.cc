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

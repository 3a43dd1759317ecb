#include "reconcilers/execution/admission.h"

#include <gtest/gtest.h>

namespace slipway::reconcilers {
namespace {

using namespace std::chrono_literals;
const TimePoint kNow = TimePoint{} + 1000h;

store::Undecided row() {
  store::Undecided row;
  row.id = "e";
  row.agent = "a";
  row.agent_revision = 3;
  auto spec = std::make_shared<AgentSpec>();
  spec->timeout = 100s;
  spec->max_timeout = 200s;
  spec->retry_limit = 2;
  row.spec = spec;
  return row;
}

TEST(Admission, AcceptsWithTheEffectiveBounds) {
  auto r = row();
  auto d = decide_first(r, kNow);
  EXPECT_EQ(d.to, Stage::Queued);
  EXPECT_EQ(d.agent_revision, 3);
  EXPECT_EQ(d.timeout_seconds, 100);
  EXPECT_EQ(d.retry_limit, 2);
  r.timeout_seconds = 900;
  r.retry_limit = 7;
  d = decide_first(r, kNow);
  EXPECT_EQ(d.timeout_seconds, 200);
  EXPECT_EQ(d.retry_limit, 2) << "a submitter may only lower it";
  r.retry_limit = 0;
  EXPECT_EQ(decide_first(r, kNow).retry_limit, 0);
}

TEST(Admission, RefusesWithTheReason) {
  const auto refused = [](auto change) {
    auto r = row();
    change(r);
    const auto d = decide_first(r, kNow);
    EXPECT_EQ(d.to, Stage::Finished);
    return d.reason;
  };
  EXPECT_EQ(refused([](auto& r) { r.cancel_requested = true; }), Reason::Cancelled);
  EXPECT_EQ(refused([](auto& r) { r.start_deadline = kNow; }), Reason::StartDeadlineExceeded);
  EXPECT_EQ(refused([](auto& r) { r.spec = nullptr; }), Reason::AgentNotFound);
  EXPECT_EQ(refused([](auto& r) { r.input_bytes = (1 << 20) + 1; }), Reason::InputTooLarge);
  EXPECT_EQ(refused([](auto& r) {
              auto spec = std::make_shared<AgentSpec>(*r.spec);
              spec->suspend = true;
              r.spec = spec;
            }),
            Reason::AgentSuspended);
}

TEST(Admission, DefersWhatIsNotDue) {
  auto r = row();
  r.not_before = kNow + 1s;
  EXPECT_EQ(decide_first(r, kNow).to, Stage::Deferred);
  r.stage = Stage::Deferred;
  r.not_before = kNow;
  EXPECT_EQ(decide_first(r, kNow).to, Stage::Queued);
}

store::Candidate candidate(std::string id, std::string user, int priority = 0) {
  return {std::move(id), std::move(user), "a", priority, kNow};
}

TEST(Fairness, UsersTakeTurnsInsideABand) {
  const std::vector<store::Candidate> rows = {candidate("h1", "heavy"),  candidate("h2", "heavy"),
                                              candidate("h3", "heavy"),  candidate("l1", "light"),
                                              candidate("m1", "middle"), candidate("m2", "middle")};
  EXPECT_EQ(pick_fairly(rows, 4), (std::vector<ExecutionId>{"h1", "l1", "m1", "h2"}));
  EXPECT_EQ(pick_fairly(rows, 99), (std::vector<ExecutionId>{"h1", "l1", "m1", "h2", "m2", "h3"}));
}

TEST(Fairness, AHigherBandGoesFirst) {
  const std::vector<store::Candidate> rows = {candidate("u1", "heavy", 5), candidate("u2", "heavy", 5),
                                              candidate("l1", "light", 0)};
  EXPECT_EQ(pick_fairly(rows, 2), (std::vector<ExecutionId>{"u1", "u2"}));
  EXPECT_TRUE(pick_fairly(rows, 0).empty());
}

}  // namespace
}  // namespace slipway::reconcilers

#include "admission/foresight.h"

#include <gtest/gtest.h>

namespace slipway::admission {
namespace {

using namespace std::chrono_literals;
const TimePoint kNow = TimePoint{} + 1000h;

store::Outlook outlook() {
  auto agent = std::make_shared<AgentSpec>();
  agent->input_schema = nlohmann::json::parse(R"({"required": ["symbol"]})");
  return {.agent_revision = 2, .agent = agent};
}

std::optional<Refusal> foresee(const ExecutionSpec& request, const store::Outlook& what) {
  Contracts contracts;
  return admission::foresee(request, what, contracts, {}, kNow);
}

ExecutionSpec request() { return {.user = "u", .agent = "a", .input = R"({"symbol": "ETH"})"}; }

TEST(Foresight, NothingSpeaksAgainstAGoodRequest) { EXPECT_FALSE(foresee(request(), outlook())); }

TEST(Foresight, WhatTheRequestItselfDecidesComesFirst) {
  auto what = outlook();
  what.refusal = Reason::QueueFull;
  auto bad = request();
  bad.input = "{}";
  EXPECT_EQ(foresee(bad, what)->reason, Reason::InputInvalid);
  EXPECT_NE(foresee(bad, what)->message.find("symbol"), std::string::npos);
  EXPECT_EQ(foresee(request(), what)->reason, Reason::QueueFull);
  EXPECT_EQ(foresee(request(), store::Outlook{.refusal = Reason::EntitlementMissing})->reason,
            Reason::AgentNotFound);
  auto late = request();
  late.start_deadline = kNow;
  EXPECT_EQ(foresee(late, outlook())->reason, Reason::StartDeadlineExceeded);
}

TEST(Foresight, ARateSaysWhenToComeBack) {
  auto what = outlook();
  what.refusal = Reason::RateLimited;
  what.window_ends_in = 12.2;
  const auto refusal = foresee(request(), what);
  EXPECT_EQ(refusal->retry_after, 13s);
  EXPECT_NE(refusal->message.find("Try again in 13 s."), std::string::npos) << refusal->message;
}

}  // namespace
}  // namespace slipway::admission

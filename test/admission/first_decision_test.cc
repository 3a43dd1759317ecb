#include "admission/first_decision.h"

#include <gtest/gtest.h>

namespace slipway::admission {
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
  auto d = decide_first(r, {}, {}, kNow);
  EXPECT_EQ(d.to, Stage::Queued);
  EXPECT_EQ(d.agent_revision, 3);
  EXPECT_EQ(d.timeout_seconds, 100);
  EXPECT_EQ(d.retry_limit, 2);
  EXPECT_EQ(d.message, "");
  r.timeout_seconds = 900;
  r.retry_limit = 7;
  d = decide_first(r, {}, {}, kNow);
  EXPECT_EQ(d.timeout_seconds, 200);
  EXPECT_EQ(d.retry_limit, 2) << "a submitter may only lower it";
  EXPECT_EQ(
      d.message,
      "Waiting for its turn; the timeout of 15m is above the agent's maxTimeout and is lowered to 3m20s; the "
      "retryLimit of 7 is above the agent's retry.limit and is lowered to 2.");
  r.retry_limit = 0;
  EXPECT_EQ(decide_first(r, {}, {}, kNow).retry_limit, 0);
}

TEST(Admission, RefusesWithTheReason) {
  const auto refused = [](auto change) {
    auto r = row();
    change(r);
    const auto d = decide_first(r, {}, {}, kNow);
    EXPECT_EQ(d.to, Stage::Finished);
    return d.reason;
  };
  EXPECT_EQ(refused([](auto& r) {
              r.unreadable = "stage holds \"X\"", r.spec = nullptr, r.cancel_requested = true;
            }),
            Reason::EngineError);
  EXPECT_EQ(refused([](auto& r) { r.cancel_requested = true; }), Reason::Cancelled);
  EXPECT_EQ(refused([](auto& r) { r.start_deadline = kNow; }), Reason::StartDeadlineExceeded);
  EXPECT_EQ(refused([](auto& r) { r.spec = nullptr, r.agent_revision = 0; }), Reason::AgentNotFound);
  EXPECT_EQ(refused([](auto& r) { r.spec = nullptr; }), Reason::AgentSuspended)
      << "there, but not to be read";
  EXPECT_EQ(refused([](auto& r) { r.input.assign((1 << 20) + 1, ' '); }), Reason::InputTooLarge);
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
  EXPECT_EQ(decide_first(r, {}, {}, kNow).to, Stage::Deferred);
  r.stage = Stage::Deferred;
  r.not_before = kNow;
  EXPECT_EQ(decide_first(r, {}, {}, kNow).to, Stage::Queued);
}

TEST(Admission, AnInputThatDoesNotFitIsToldWhere) {
  const auto d = decide_first(row(), {.problem = "at /prices: expected an array, got 5"}, {}, kNow);
  EXPECT_EQ(d.to, Stage::Finished);
  EXPECT_EQ(d.reason, Reason::InputInvalid);
  EXPECT_EQ(d.message, "The input is not valid for this agent: at /prices: expected an array, got 5.");
}

TEST(Admission, ASchemaThatCannotBeUsedIsNotTheInputsFault) {
  EXPECT_EQ(decide_first(row(), {.problem = "at the top: no", .schema_broken = true}, {}, kNow).reason,
            Reason::AgentSuspended);
}

TEST(Admission, TheOperatorsPolicyIsHeld) {
  auto r = row();
  auto spec = std::make_shared<AgentSpec>(*r.spec);
  spec->image = "127.0.0.1:5000/teammate/x:1";
  r.spec = spec;
  EXPECT_EQ(decide_first(r, {}, {.registries = {"127.0.0.1:5000/team"}}, kNow).reason,
            Reason::ImageNotAllowed);
  EXPECT_EQ(decide_first(r, {}, {.registries = {"127.0.0.1:5000"}}, kNow).to, Stage::Queued);
  EXPECT_EQ(decide_first(r, {}, {.digest_required = true}, kNow).reason, Reason::ImageNotAllowed);
  EXPECT_EQ(decide_first(r, {}, {.greatest_memory = 1 << 20}, kNow).reason, Reason::NotEnforceable);
  EXPECT_EQ(decide_first(r, {}, {.greatest_timeout = 10s}, kNow).reason, Reason::NotEnforceable);
}

TEST(Contracts, InputAndOutputAreHeldToTheirOwnSchemas) {
  Contracts contracts;
  AgentSpec spec;
  spec.input_schema = nlohmann::json::parse(R"({"type":"object","required":["symbol"]})");
  spec.output_schema = nlohmann::json::parse(R"({"type":"object","required":["signal"]})");
  EXPECT_EQ(contracts.check_input("a", 1, spec, R"({"symbol":"ETH"})").problem, "");
  EXPECT_NE(contracts.check_input("a", 1, spec, R"({"signal":1})").problem, "");
  EXPECT_EQ(contracts.check_output("a", 1, spec, R"({"signal":1})").problem, "");
  EXPECT_NE(contracts.check_output("a", 1, spec, R"({"symbol":"ETH"})").problem, "");
  EXPECT_NE(contracts.check_input("a", 1, spec, R"({"symbol":1,"symbol":2})").problem, "") << "strict JSON";
  spec.input_schema = nlohmann::json::parse(R"({"type":"object","required":["other"]})");
  EXPECT_NE(contracts.check_input("a", 2, spec, R"({"symbol":"ETH"})").problem, "") << "another revision";
}

TEST(Contracts, ABrokenSchemaIsSaidToBeBroken) {
  Contracts contracts;
  AgentSpec spec;
  spec.input_schema = nlohmann::json::parse(R"({"$ref":"http://example.com/x"})");
  EXPECT_TRUE(contracts.check_input("a", 1, spec, "{}").schema_broken);
}

}  // namespace
}  // namespace slipway::admission

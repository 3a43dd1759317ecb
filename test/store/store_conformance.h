#pragma once

// The promises of store/store.h, held against every adapter. A test file instantiates the suite once:
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance,
//   ::testing::Values(StoreHarnessFactory(make_memory_harness)));
// and includes store_conformance_steps.h and store_conformance_ledger.h, which hold the tests.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "test/store/store_harness.h"

namespace slipway::store {

class StoreConformance : public ::testing::TestWithParam<StoreHarnessFactory> {
 protected:
  void SetUp() override {
    harness_ = GetParam()();
    store_ = harness_->open_session();
    epoch_ = register_as(*store_, "node-a");
  }

  static NodeReport report(const std::string& name) {
    NodeReport said;
    said.name = name;
    said.instance_id = "11111111-1111-4111-8111-111111111111";
    said.slots = 8;
    said.version = "test";
    return said;
  }

  std::int64_t register_as(Store& store, const std::string& name) {
    auto state = harness_->run(store.register_node(report(name)));
    EXPECT_TRUE(state.has_value());
    return state ? state->epoch : -1;
  }

  /// Accepts it as the admission does: the agent's newest revision, its timeout, no retries unless asked.
  Decision accept(const ExecutionId& id, int retry_limit = 0) {
    Decision decision;
    decision.id = id;
    decision.agent_revision = 1;
    decision.timeout_seconds = 60;
    decision.retry_limit = retry_limit;
    return decision;
  }

  bool decide(const Decision& decision) {
    return std::ssize(harness_->run(store_->decide({decision})).value()) == 1;
  }

  ExecutionId queued(const NewExecution& row = {}, int retry_limit = 0) {
    auto id = harness_->insert(row);
    EXPECT_TRUE(decide(accept(id, retry_limit)));
    return id;
  }

  ExecutionId claimed(const NewExecution& row = {}, int retry_limit = 0) {
    auto id = queued(row, retry_limit);
    EXPECT_EQ(store::taken(harness_->run(store_->claim({id})).value()), std::vector{id});
    return id;
  }

  Execution load(const ExecutionId& id) { return harness_->run(store_->load(id)).value(); }

  Transition step(const ExecutionId& id, Stage from, Stage to) {
    Transition transition;
    transition.id = id;
    transition.claim = load(id).ref.claim;
    transition.from = from;
    transition.to = to;
    transition.reason = to == Stage::Running    ? Reason::Running
                        : to == Stage::Stopping ? Reason::Stopping
                                                : Reason::Starting;
    if (to == Stage::Launching) {
      transition.intent_at = harness_->now();
      transition.engine = "4711@1";
    }
    if (to == Stage::Running) {
      transition.started_at = harness_->now();
      transition.deadline_at = harness_->now() + std::chrono::seconds(60);
      transition.container_id = "c0ffee";
    }
    if (to == Stage::Stopping) {
      transition.verdict = Verdict::Cancel;
      transition.kill_at = harness_->now() + std::chrono::seconds(10);
    }
    return transition;
  }

  bool record(const Transition& transition) { return harness_->run(store_->record(transition)).value(); }

  ExecutionId launching(int retry_limit = 0) {
    auto id = claimed({}, retry_limit);
    EXPECT_TRUE(record(step(id, Stage::Claimed, Stage::Launching)));
    return id;
  }

  ExecutionId running(int retry_limit = 0) {
    auto id = launching(retry_limit);
    EXPECT_TRUE(record(step(id, Stage::Launching, Stage::Running)));
    return id;
  }

  Finish end(const ExecutionId& id, Stage from, Reason reason, bool started = true) {
    Finish finish;
    finish.id = id;
    finish.claim = load(id).ref.claim;
    finish.from = from;
    finish.reason = reason;
    if (reason == Reason::Completed) finish.output = R"({"answer":42})";
    finish.attempt.reason = reason;
    finish.attempt.started = started;
    if (started) {
      finish.attempt.exit_code = reason == Reason::Completed ? 0 : 1;
      finish.attempt.finished_at = harness_->now();
    }
    return finish;
  }

  bool finish(const Finish& finish) { return harness_->run(store_->finish(finish)).value(); }

  Recycle recycle_of(const ExecutionId& id, Stage from) {
    Recycle recycle;
    recycle.id = id;
    recycle.claim = load(id).ref.claim;
    recycle.from = from;
    recycle.attempt.reason = Reason::ContainerLost;
    recycle.attempt.started = from == Stage::Running || from == Stage::Stopping;
    return recycle;
  }

  static ClaimId claimed_by_nobody() { return "99999999-9999-4999-8999-999999999999"; }
  LogAppend append_of(const ExecutionId& id, std::int64_t place, const std::string& text, TimePoint at,
                      const ClaimId& claim) {
    return {id, claim, {{place, {LogChunk::Stream::Stdout, at, text}, at}}};
  }
  bool said(const ExecutionId& id, std::int64_t place, const std::string& text,
            std::optional<TimePoint> at = {}, std::optional<ClaimId> claim = {}) {
    const auto append =
        append_of(id, place, text, at ? *at : harness_->now(), claim ? *claim : load(id).ref.claim);
    return harness_->run(store_->append_log(append)).value();
  }

  std::unique_ptr<StoreHarness> harness_;
  std::unique_ptr<Store> store_;
  std::int64_t epoch_ = 0;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformance);

}  // namespace slipway::store

#pragma once

// The promises of runtime/container_runtime.h, held against every adapter. A test file includes this header
// and instantiates the suite once:
//   INSTANTIATE_TEST_SUITE_P(Simulated, RuntimeConformance,
//   ::testing::Values(RuntimeHarnessFactory(make_harness)));

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "test/runtime/runtime_harness.h"

namespace slipway::runtime {

class RuntimeConformance : public ::testing::TestWithParam<RuntimeHarnessFactory> {
 protected:
  void SetUp() override {
    harness_ = GetParam()();
    runtime_ = harness_->connect();
  }

  void TearDown() override {
    for (const auto& spec : made_) harness_->wait_until([&] { return remove(spec); });
    runtime_.reset();
    harness_.reset();
  }

  ContainerSpec spec(Work work) {
    made_.push_back(harness_->spec(work));
    return made_.back();
  }

  template <class T>
  static ErrorClass class_of(const Result<T>& result) {
    return result.has_error() ? result.error().error_class : throw std::logic_error("expected an error");
  }

  Observation observe(const ContainerSpec& spec, bool wait_for_start = false) {
    return harness_->run(runtime_->observe(spec.ref, &spec, wait_for_start)).value();
  }
  std::string create(const ContainerSpec& spec) { return harness_->run(runtime_->create(spec)).value(); }
  Result<void> start(const ContainerSpec& spec, const std::string& id) {
    return harness_->run(runtime_->start(spec.ref, id));
  }
  bool remove(const ContainerSpec& spec) {
    const auto seen = observe(spec);
    if (seen.state != ContainerState::Absent && !seen.ours) return true;
    return harness_->run(runtime_->remove(spec.ref, seen.container_id)).value();
  }
  Evidence collect(const ContainerSpec& spec, const std::string& id, const LiveLog& stored = {}) {
    return harness_->run(runtime_->collect(spec.ref, id, spec.limits, stored)).value();
  }
  std::string started(const ContainerSpec& spec) {
    auto id = create(spec);
    EXPECT_TRUE(start(spec, id).has_value());
    return id;
  }
  bool reaches(const ContainerSpec& spec, ContainerState state) {
    return harness_->wait_until([&] { return observe(spec).state == state; });
  }
  std::string exited(const ContainerSpec& spec) {
    auto id = started(spec);
    EXPECT_TRUE(reaches(spec, ContainerState::Exited));
    return id;
  }
  std::vector<Listed> listed(const ContainerSpec& spec) {
    auto all = harness_->run(runtime_->list()).value();
    std::erase_if(all, [&](const Listed& item) { return item.name != container_name(spec.ref); });
    return all;
  }

  std::unique_ptr<RuntimeHarness> harness_;
  std::unique_ptr<ContainerRuntime> runtime_;
  std::vector<ContainerSpec> made_;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RuntimeConformance);

TEST_P(RuntimeConformance, ProbeTellsTheMode) {
  auto can = harness_->run(runtime_->probe()).value();
  EXPECT_EQ(can.io_mode, harness_->has_fence() ? "mount" : "volume");
  EXPECT_FALSE(can.engine_version.empty());
}

TEST_P(RuntimeConformance, UnknownNameIsAbsentAndNoError) {
  auto seen = observe(spec(Work::ExitThree));
  EXPECT_EQ(seen.state, ContainerState::Absent);
  EXPECT_FALSE(seen.engine.empty());
  EXPECT_NE(seen.observed_at, TimePoint{});
}

TEST_P(RuntimeConformance, CreatedIsOursWithLimitsEqualAndNeverStarted) {
  auto asked = spec(Work::ExitWithResult);
  auto id = create(asked);
  auto seen = observe(asked);
  EXPECT_EQ(seen.state, ContainerState::Created);
  EXPECT_TRUE(seen.ours);
  EXPECT_EQ(seen.container_id, id);
  EXPECT_EQ(seen.violated_limit, "");
  EXPECT_EQ(seen.started_at, TimePoint{});
  EXPECT_FALSE(seen.fenced);
}

TEST_P(RuntimeConformance, CreateIsIdempotentByName) {
  auto asked = spec(Work::ExitThree);
  EXPECT_EQ(create(asked), create(asked));
}

TEST_P(RuntimeConformance, AnotherProcessAdoptsWhatTheFirstCreated) {
  auto asked = spec(Work::ExitWithResult);
  auto id = create(asked);
  runtime_ = harness_->connect();
  EXPECT_EQ(create(asked), id);
  EXPECT_TRUE(observe(asked).ours);
}

TEST_P(RuntimeConformance, ForeignContainerUnderOurNameIsAConflictAndIsLeftAlone) {
  auto asked = spec(Work::ExitThree);
  const auto name = container_name(asked.ref);
  harness_->occupy_name(name);
  EXPECT_EQ(class_of(harness_->run(runtime_->create(asked))), ErrorClass::Conflict);
  auto seen = observe(asked);
  EXPECT_NE(seen.state, ContainerState::Absent);
  EXPECT_FALSE(seen.ours);
  EXPECT_EQ(seen.container_id, "") << "what is not told cannot be read or removed";
  auto refused = harness_->run(runtime_->remove(asked.ref, seen.container_id));
  EXPECT_TRUE(harness_->exists(name)) << (refused.has_value() ? "removed a stranger's container" : "");
  EXPECT_FALSE(observe(asked).leftovers) << "what the create had prepared";
  harness_->person_removes(name);
}

TEST_P(RuntimeConformance, ContainerOfAnotherClaimIsNotOurs) {
  auto asked = spec(Work::ExitThree);
  create(asked);
  auto other = asked;
  other.ref.claim = "44444444-4444-4444-8444-444444444444";
  EXPECT_EQ(class_of(harness_->run(runtime_->create(other))), ErrorClass::Conflict);
  EXPECT_FALSE(observe(other).ours);
}

TEST_P(RuntimeConformance, StartRunsToItsExitAndFences) {
  auto asked = spec(Work::ExitWithResult);
  const auto id = exited(asked);
  auto seen = observe(asked);
  EXPECT_EQ(seen.exit_code, 0);
  EXPECT_NE(seen.started_at, TimePoint{});
  EXPECT_GE(seen.finished_at, seen.started_at);
  if (harness_->has_fence()) EXPECT_TRUE(start(asked, id).has_error());  // never a second time
}

TEST_P(RuntimeConformance, ExitCodeIsTold) {
  auto asked = spec(Work::ExitThree);
  exited(asked);
  EXPECT_EQ(observe(asked).exit_code, 3);
}

TEST_P(RuntimeConformance, ExitIsHinted) {
  auto asked = spec(Work::ExitWithResult);
  std::vector<ExecutionId> hints;
  runtime_->watch([&](const ExecutionId& id) { hints.push_back(id); });
  exited(asked);
  EXPECT_TRUE(harness_->wait_until(
      [&] { return std::find(hints.begin(), hints.end(), asked.ref.execution) != hints.end(); }));
  runtime_->unwatch();
}

TEST_P(RuntimeConformance, EvidenceIsResultAndLogsAndMayBeReadAgain) {
  auto asked = spec(Work::ExitWithResult);
  auto id = exited(asked);
  for (int i = 0; i < 2; ++i) {
    auto evidence = collect(asked, id);
    EXPECT_EQ(evidence.result_state, Evidence::ResultState::Present);
    EXPECT_EQ(evidence.result, R"({"answer":42})");
    std::string logs;
    for (const auto& chunk : evidence.logs) logs += chunk.bytes;
    EXPECT_EQ(logs, "hello\n");
    EXPECT_FALSE(evidence.logs_truncated);
  }
}

TEST_P(RuntimeConformance, ARunningContainersLogIsFollowedAsItWillBeCollected) {
  auto asked = spec(Work::SleepForever);
  auto id = started(asked);
  const auto stream = harness_->run(runtime_->follow(asked.ref, id, asked.limits)).value();
  const auto pieces = harness_->run(stream->next()).value();
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].place, 0);
  EXPECT_EQ(pieces[0].chunk.bytes, "up\n");
  const auto again = harness_->run(runtime_->follow(asked.ref, id, asked.limits)).value();
  EXPECT_EQ(harness_->run(again->next()).value().at(0).chunk.at, pieces[0].chunk.at) << "as often as asked";
  ASSERT_TRUE(harness_->run(runtime_->signal(asked.ref, id, Signal::Kill)).has_value());
  EXPECT_EQ(class_of(harness_->run(stream->next())), ErrorClass::Retry) << "the container has ended";
  ASSERT_TRUE(reaches(asked, ContainerState::Exited));
  const auto evidence = collect(asked, id);
  ASSERT_EQ(evidence.logs.size(), 1u);
  EXPECT_EQ(evidence.logs[0].at, pieces[0].chunk.at);
  EXPECT_TRUE(evidence.logs_from_start);
  EXPECT_EQ(evidence.logs_behind, 0);
  const auto rest = collect(asked, id, {3, pieces[0].chunk.at, pieces[0].until});
  EXPECT_TRUE(rest.logs.empty()) << "what is stored already is left out";
  EXPECT_EQ(rest.logs_behind, 3);
}

TEST_P(RuntimeConformance, AClosedLogEndsWhoWaitsForIt) {
  auto asked = spec(Work::IgnoreTerm);
  auto id = started(asked);
  const auto stream = harness_->run(runtime_->follow(asked.ref, id, asked.limits)).value();
  std::optional<bool> ended;
  asio::co_spawn(harness_->io(), stream->next(),
                 [&](std::exception_ptr, Result<std::vector<LogPiece>> said) { ended = said.has_error(); });
  harness_->turn();
  stream->close();
  ASSERT_TRUE(harness_->wait_until([&] { return ended.has_value(); }));
  EXPECT_TRUE(*ended);
  EXPECT_TRUE(harness_->run(runtime_->follow(asked.ref, "no-such-id", asked.limits)).has_error());
}

TEST_P(RuntimeConformance, MissingResultIsMissing) {
  auto asked = spec(Work::ExitThree);
  auto id = exited(asked);
  EXPECT_EQ(collect(asked, id).result_state, Evidence::ResultState::Missing);
}

TEST_P(RuntimeConformance, LinkIsNoResult) {
  auto asked = spec(Work::ResultIsLink);
  auto id = exited(asked);
  auto evidence = collect(asked, id);
  EXPECT_EQ(evidence.result_state, Evidence::ResultState::NotRegular);
  EXPECT_TRUE(evidence.result.empty());
}

TEST_P(RuntimeConformance, ResultBeyondItsLimitIsCut) {
  auto asked = spec(Work::ResultTooLarge);
  auto id = exited(asked);
  auto evidence = collect(asked, id);
  EXPECT_LE(static_cast<std::int64_t>(evidence.result.size()), asked.limits.output);
}

TEST_P(RuntimeConformance, CommandThatDoesNotExistIsInvalidAndToldByTheEngine) {
  auto asked = spec(Work::NoSuchCommand);
  auto id = create(asked);
  EXPECT_EQ(class_of(start(asked, id)), ErrorClass::Invalid);
  auto seen = observe(asked);
  EXPECT_EQ(seen.exit_code, 127);
  EXPECT_FALSE(seen.engine_error.empty());
  EXPECT_FALSE(seen.fenced);
  EXPECT_EQ(seen.started_at, TimePoint{});
}

TEST_P(RuntimeConformance, FenceMakesEveryLaterStartFail) {
  if (!harness_->has_fence()) GTEST_SKIP() << "volume mode has no fence";
  auto asked = spec(Work::SleepForever);
  auto id = create(asked);
  EXPECT_TRUE(harness_->run(runtime_->fence(asked.ref)).value());
  EXPECT_TRUE(harness_->run(runtime_->fence(asked.ref)).value());
  EXPECT_TRUE(start(asked, id).has_error());
  auto seen = observe(asked, true);
  EXPECT_NE(seen.state, ContainerState::Running);
  EXPECT_EQ(seen.started_at, TimePoint{});
  EXPECT_TRUE(seen.fenced);
}

TEST_P(RuntimeConformance, WithoutAFenceTheAnswerSaysSo) {
  if (harness_->has_fence()) GTEST_SKIP() << "mount mode has a fence";
  auto asked = spec(Work::SleepForever);
  create(asked);
  EXPECT_FALSE(harness_->run(runtime_->fence(asked.ref)).value());
}

TEST_P(RuntimeConformance, FencedAttemptIsRemovedAndMadeAnew) {
  auto asked = spec(Work::ExitWithResult);
  create(asked);
  harness_->run(runtime_->fence(asked.ref)).value();
  ASSERT_TRUE(harness_->wait_until([&] { return remove(asked); }));
  auto id = exited(asked);
  EXPECT_EQ(collect(asked, id).result, R"({"answer":42})");
}

TEST_P(RuntimeConformance, TermEndsWhoListens) {
  auto asked = spec(Work::SleepForever);
  auto id = started(asked);
  ASSERT_TRUE(reaches(asked, ContainerState::Running));
  // The process may not have its handler yet, so TERM is sent until it is heard.
  EXPECT_TRUE(harness_->wait_until([&] {
    EXPECT_TRUE(harness_->run(runtime_->signal(asked.ref, id, Signal::Term)).has_value());
    return observe(asked).state == ContainerState::Exited;
  }));
  EXPECT_EQ(observe(asked).exit_code, 143);
  EXPECT_EQ(collect(asked, id).result, R"({"half":true})");
}

TEST_P(RuntimeConformance, KillEndsWhoIgnoresTerm) {
  auto asked = spec(Work::IgnoreTerm);
  auto id = started(asked);
  ASSERT_TRUE(harness_->run(runtime_->signal(asked.ref, id, Signal::Term)).has_value());
  EXPECT_EQ(observe(asked).state, ContainerState::Running);
  ASSERT_TRUE(harness_->run(runtime_->signal(asked.ref, id, Signal::Kill)).has_value());
  ASSERT_TRUE(reaches(asked, ContainerState::Exited));
  EXPECT_EQ(observe(asked).exit_code, 137);
}

TEST_P(RuntimeConformance, SignalToWhatDoesNotRunIsASuccess) {
  auto asked = spec(Work::ExitThree);
  auto id = exited(asked);
  EXPECT_TRUE(harness_->run(runtime_->signal(asked.ref, id, Signal::Term)).has_value());
  EXPECT_TRUE(harness_->run(runtime_->signal(asked.ref, id, Signal::Kill)).has_value());
}

TEST_P(RuntimeConformance, RemoveLeavesNothingAndMayBeRepeated) {
  auto asked = spec(Work::ExitWithResult);
  exited(asked);
  ASSERT_TRUE(harness_->wait_until([&] { return remove(asked); }));
  auto seen = observe(asked);
  EXPECT_EQ(seen.state, ContainerState::Absent);
  EXPECT_FALSE(seen.leftovers);
  EXPECT_TRUE(listed(asked).empty());
  EXPECT_FALSE(harness_->exists(container_name(asked.ref)));
  EXPECT_TRUE(remove(asked));
}

TEST_P(RuntimeConformance, RemoveEndsWhatRuns) {
  auto asked = spec(Work::IgnoreTerm);
  started(asked);
  ASSERT_TRUE(reaches(asked, ContainerState::Running));
  ASSERT_TRUE(harness_->wait_until([&] { return remove(asked); }));
  EXPECT_EQ(observe(asked).state, ContainerState::Absent);
}

TEST_P(RuntimeConformance, ListTellsTheLabels) {
  auto asked = spec(Work::ExitThree);
  auto id = create(asked);
  auto found = listed(asked);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].ref, asked.ref);
  EXPECT_EQ(found[0].container_id, id);
  EXPECT_EQ(found[0].state, ContainerState::Created);
}

TEST_P(RuntimeConformance, ForeignContainersAreNotListed) {
  auto asked = spec(Work::ExitThree);
  harness_->occupy_name(container_name(asked.ref));
  for (const auto& item : listed(asked)) EXPECT_TRUE(item.container_id.empty());
  harness_->person_removes(container_name(asked.ref));
}

TEST_P(RuntimeConformance, WhatAPersonRemovedLeavesALeftoverThatRemoveClears) {
  if (!harness_->has_fence()) GTEST_SKIP() << "volumes go with the container or stay with the engine";
  auto asked = spec(Work::ExitWithResult);
  auto id = exited(asked);
  harness_->person_removes(container_name(asked.ref));
  auto seen = observe(asked);
  EXPECT_EQ(seen.state, ContainerState::Absent);
  EXPECT_TRUE(seen.leftovers);
  auto found = listed(asked);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].container_id.empty());
  EXPECT_EQ(found[0].ref.execution, asked.ref.execution);
  EXPECT_EQ(found[0].ref.attempt, asked.ref.attempt);
  EXPECT_EQ(collect(asked, id).result, R"({"answer":42})");
  ASSERT_TRUE(harness_->wait_until([&] { return remove(asked); }));
  EXPECT_TRUE(listed(asked).empty());
  EXPECT_FALSE(observe(asked).leftovers);
}

TEST_P(RuntimeConformance, StartOfARemovedContainerIsAnError) {
  auto asked = spec(Work::ExitThree);
  auto id = create(asked);
  harness_->person_removes(container_name(asked.ref));
  EXPECT_TRUE(start(asked, id).has_error());
  EXPECT_EQ(observe(asked).state, ContainerState::Absent);
}

TEST_P(RuntimeConformance, PresentImageIsFoundAndUnknownOneIsNot) {
  auto found = harness_->run(runtime_->pull(harness_->known_image(), ImagePullPolicy::IfNotPresent)).value();
  ASSERT_TRUE(found.image);
  EXPECT_TRUE(found.image->id.starts_with("sha256:"));
  auto missing = harness_->run(runtime_->pull(harness_->unknown_image(), ImagePullPolicy::Never)).value();
  EXPECT_FALSE(missing.image);
  EXPECT_EQ(missing.failure, PullFailure::NotFound);
}

}  // namespace slipway::runtime

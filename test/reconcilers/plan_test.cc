#include <gtest/gtest.h>

#include <cstdio>
#include <map>

#include "test/reconcilers/plan_fixture.h"

// The plan as a table. Each line is one situation in words and the plan that must come of it; ExhaustiveTable
// then walks every combination of stage, observation, cancel, deadline and ownership and holds it to rules
// that need no table.
namespace slipway::reconcilers {
namespace {

using namespace testing;
using enum ContainerState;

struct Line {
  const char* situation;
  Stage stage;
  ContainerState state;
  void (*change)(Execution&, Observation&, NodeView&);
  const char* plan;
};

#define WITH(...) [](Execution& e, Observation& o, NodeView& n) { (void)e, (void)o, (void)n, __VA_ARGS__; }

const Line kTable[] = {
    {"waiting rows are the claimer's", Stage::New, Absent, nullptr, "- | - | rest"},
    {"", Stage::Deferred, Absent, nullptr, "- | - | rest"},
    {"", Stage::Queued, Absent, nullptr, "- | - | rest"},
    {"claimed, image there and pinned", Stage::Claimed, Absent, nullptr, "- | create | again"},
    {"image there, not pinned", Stage::Claimed, Absent, WITH(e.image_id = ""), "- | create | again"},
    {"image not looked for", Stage::Claimed, Absent, WITH(n.image = {}),
     "→ Claimed pulling | wait for image | in 30000 ms"},
    {"image being fetched", Stage::Claimed, Absent, WITH(n.image = {}, e.reason = Reason::PullingImage),
     "- | wait for image | in 30000 ms"},
    {"no such image", Stage::Claimed, Absent, WITH(n.image.state = ImageView::State::NotFound),
     "finish ImageNotFound | - | again"},
    {"image refused", Stage::Claimed, Absent, WITH(n.image.state = ImageView::State::NotAllowed),
     "finish ImageNotAllowed | - | again"},
    {"registry away", Stage::Claimed, Absent, WITH(n.image.state = ImageView::State::Failed),
     "finish ImagePullFailed | - | again"},
    {"registry away, retry left", Stage::Claimed, Absent,
     WITH(n.image.state = ImageView::State::Failed, e.retry_limit = 1),
     "recycle ImagePullFailed | - | again"},
    {"registry away, retries used", Stage::Claimed, Absent,
     WITH(n.image.state = ImageView::State::Failed, e.retry_limit = 1, e.ref.attempt = 2),
     "finish ImagePullFailed | - | again"},
    {"agent's fault is never retried", Stage::Claimed, Absent,
     WITH(n.image.state = ImageView::State::NotFound, e.retry_limit = 5), "finish ImageNotFound | - | again"},
    {"created five times in vain", Stage::Claimed, Absent, WITH(e.create_failures = 5),
     "finish EngineError | - | again"},
    {"a revision that a newer binary wrote", Stage::Claimed, Absent, WITH(e.spec_whole = false),
     "finish EngineError | - | again"},
    {"the same, its container made", Stage::Claimed, Created, WITH(e.spec_whole = false),
     "finish EngineError | - | again"},
    {"the same in a run, which goes on", Stage::Running, Running, WITH(e.spec_whole = false),
     "- | - | in 50000 ms"},
    {"lease lost: nothing is created", Stage::Claimed, Absent, WITH(n.lease_held = false),
     "- | - | in 500 ms"},
    {"cancelled", Stage::Claimed, Absent, WITH(e.cancel_requested = true), "finish Cancelled | - | again"},
    {"cancelled without a lease", Stage::Claimed, Absent,
     WITH(e.cancel_requested = true, n.lease_held = false), "finish Cancelled | - | again"},
    {"draining", Stage::Claimed, Absent, WITH(n.draining = true), "finish NodeDraining | - | again"},
    {"draining, retry left", Stage::Claimed, Absent, WITH(n.draining = true, e.retry_limit = 1),
     "recycle NodeDraining | - | again"},
    {"stood too long", Stage::Claimed, Absent, WITH(n.stays = 60s, n.image = {}),
     "recycle EngineError | - | again"},
    {"stood not quite as long", Stage::Claimed, Absent, WITH(n.stays = 60s - 1ms), "- | create | again"},
    {"stood too long without a lease", Stage::Claimed, Created, WITH(n.stays = 60s, n.lease_held = false),
     "recycle EngineError | - | again"},
    {"stood too long, cancelled", Stage::Claimed, Absent, WITH(n.stays = 60s, e.cancel_requested = true),
     "finish Cancelled | - | again"},
    {"created, limits equal", Stage::Claimed, Created, nullptr,
     "→ Launching unless cancelled | start | again"},
    {"created, a limit differs", Stage::Claimed, Created, WITH(o.violated_limit = "memory"),
     "finish NotEnforceable | - | again"},
    {"created, fenced after doubt", Stage::Claimed, Created, WITH(o.fenced = true), "- | remove | again"},
    {"created, cancelled", Stage::Claimed, Created, WITH(e.cancel_requested = true),
     "finish Cancelled | - | again"},
    {"created, lease lost", Stage::Claimed, Created, WITH(n.lease_held = false), "- | - | in 500 ms"},
    {"name taken", Stage::Claimed, Created, WITH(o.ours = false), "finish EngineError | - | again"},
    {"name taken by what runs", Stage::Claimed, Running, WITH(o.ours = false),
     "finish EngineError | - | again"},
    {"started by somebody else", Stage::Claimed, Running, nullptr, "finish EngineError | - | again"},
    {"ran without us", Stage::Claimed, Exited, nullptr, "finish EngineError | - | again"},
    {"going", Stage::Claimed, Removing, nullptr, "- | - | in 500 ms"},
    {"dead", Stage::Claimed, Dead, nullptr, "- | remove | again"},
    {"start's fate unknown", Stage::Launching, Created, nullptr, "- | resolve doubt | again"},
    {"start's fate unknown, cancelled", Stage::Launching, Created, WITH(e.cancel_requested = true),
     "- | resolve doubt | again"},
    {"command cannot be executed", Stage::Launching, Created,
     WITH(o.engine_error = "exec", o.refused = Reason::CommandInvalid), "finish CommandInvalid | - | again"},
    {"image has a file where a mount goes", Stage::Launching, Created,
     WITH(o.engine_error = "mount", o.refused = Reason::ImageNotAllowed),
     "finish ImageNotAllowed | - | again"},
    {"engine's disk full", Stage::Launching, Created,
     WITH(o.engine_error = "full", o.refused = Reason::NodeStorageFull),
     "finish NodeStorageFull | - | again"},
    {"engine's disk full, retry left", Stage::Launching, Created,
     WITH(o.engine_error = "full", o.refused = Reason::NodeStorageFull, e.retry_limit = 1),
     "recycle NodeStorageFull | - | again"},
    {"a refusal after our fence is our doing", Stage::Launching, Created,
     WITH(o.engine_error = "bind", o.refused = Reason::CommandInvalid, o.fenced = true),
     "- | resolve doubt | again"},
    {"start failed, and the words say nothing", Stage::Launching, Created,
     WITH(o.engine_error = "context canceled", o.exit_code = 128), "- | resolve doubt | again"},
    {"the engine had lost its containerd: some time is given", Stage::Claimed, Absent,
     WITH(e.create_failures = 2, e.intent_at = kNow - 100ms), "- | - | in 900 ms"},
    {"that time is over", Stage::Claimed, Absent, WITH(e.create_failures = 2, e.intent_at = kNow - 1s),
     "- | create | again"},
    {"it runs", Stage::Launching, Running, nullptr, "→ Running | - | in 50000 ms"},
    {"it is over already", Stage::Launching, Exited, nullptr, "→ Running | - | again"},
    {"exited without ever starting, command bad", Stage::Launching, Exited,
     WITH(o.started_at = {}, o.engine_error = "exec", o.refused = Reason::CommandInvalid),
     "finish CommandInvalid | - | again"},
    {"exited without ever starting", Stage::Launching, Exited,
     WITH(o.started_at = {}, o.engine_error = "x", o.exit_code = 128), "- | resolve doubt | again"},
    {"frozen by somebody", Stage::Launching, Paused, nullptr, "→ Running | - | in 50000 ms"},
    {"vanished", Stage::Launching, Absent, nullptr, "- | collect | again"},
    {"replaced by a stranger", Stage::Launching, Running, WITH(o.ours = false), "- | collect | again"},
    {"runs within its time", Stage::Running, Running, nullptr, "- | - | in 50000 ms"},
    {"lease lost: it runs on", Stage::Running, Running, WITH(n.lease_held = false), "- | - | in 50000 ms"},
    {"deadline", Stage::Running, Running, WITH(e.started_at = kNow - 60s),
     "→ Stopping Deadline | TERM | in 2000 ms"},
    {"deadline without a lease", Stage::Running, Running,
     WITH(e.started_at = kNow - 60s, n.lease_held = false), "→ Stopping Deadline | TERM | in 2000 ms"},
    {"a millisecond before it", Stage::Running, Running,
     WITH(e.started_at = kNow - 60s + 1ms, e.deadline_at = kNow + 1ms), "- | - | in 1 ms"},
    {"deadline before cancel", Stage::Running, Running,
     WITH(e.started_at = kNow - 60s, e.cancel_requested = true), "→ Stopping Deadline | TERM | in 2000 ms"},
    {"cancelled", Stage::Running, Running, WITH(e.cancel_requested = true),
     "→ Stopping Cancel | TERM | in 10000 ms"},
    {"draining", Stage::Running, Running, WITH(n.draining = true), "→ Stopping Drain | TERM | in 10000 ms"},
    {"cancelled just before its deadline", Stage::Running, Running,
     WITH(e.started_at = kNow - 55s, e.cancel_requested = true), "→ Stopping Cancel | TERM | in 7000 ms"},
    {"drained just before its deadline", Stage::Running, Running,
     WITH(e.started_at = kNow - 60s + 1ms, n.draining = true), "→ Stopping Drain | TERM | in 2001 ms"},
    {"timeout made longer", Stage::Running, Running, WITH(e.timeout = 120s), "→ Running | - | again"},
    {"timeout made shorter than what passed", Stage::Running, Running, WITH(e.timeout = 5s),
     "→ Stopping Deadline | TERM | in 2000 ms"},
    {"timeout beyond the agent's", Stage::Running, Running,
     WITH(e.timeout = 9999s, e.deadline_at = *e.started_at + 600s), "- | - | in 590000 ms"},
    {"frozen by somebody", Stage::Running, Paused, nullptr, "- | unpause | again"},
    {"over", Stage::Running, Exited, nullptr, "- | collect | again"},
    {"the engine forgot", Stage::Running, Created, nullptr, "- | collect | again"},
    {"a person removed it", Stage::Running, Absent, nullptr, "- | collect | again"},
    {"replaced by a stranger", Stage::Running, Running, WITH(o.ours = false), "- | collect | again"},
    {"going", Stage::Running, Removing, nullptr, "- | - | in 500 ms"},
    {"dead", Stage::Running, Dead, nullptr, "- | - | in 500 ms"},
    {"within its grace", Stage::Stopping, Running, nullptr, "- | - | in 5000 ms"},
    {"TERM not sent by this process", Stage::Stopping, Running, WITH(n.term_sent = false),
     "- | TERM | in 5000 ms"},
    {"grace over", Stage::Stopping, Running, WITH(e.kill_at = kNow), "- | KILL | in 1000 ms"},
    {"frozen: thaw it so that it can end", Stage::Stopping, Paused, nullptr, "- | unpause | again"},
    {"ended", Stage::Stopping, Exited, nullptr, "- | collect | again"},
    {"gone", Stage::Stopping, Absent, nullptr, "- | collect | again"},
    {"evidence is safe: remove", Stage::Recycling, Exited, nullptr, "- | remove | again"},
    {"gone: wait for the next turn", Stage::Recycling, Absent, nullptr, "requeue | - | rest"},
    {"only a directory is left", Stage::Recycling, Absent, WITH(o.leftovers = true), "- | remove | again"},
    {"cancelled instead", Stage::Recycling, Absent, WITH(e.cancel_requested = true),
     "finish Cancelled | - | again"},
    {"what was made beside a stranger", Stage::Recycling, Created, WITH(o.ours = false, o.leftovers = true),
     "- | remove | again"},
    {"a stranger under our name", Stage::Recycling, Running, WITH(o.ours = false), "requeue | - | rest"},
    {"remove", Stage::Finished, Exited, nullptr, "- | remove | again"},
    {"remove what still runs", Stage::Finished, Running, nullptr, "- | remove | again"},
    {"remove what is dead", Stage::Finished, Dead, nullptr, "- | remove | again"},
    {"removal under way", Stage::Finished, Removing, nullptr, "- | remove | again"},
    {"gone", Stage::Finished, Absent, nullptr, "→ Cleaned | - | settled"},
    {"only a mount is left", Stage::Finished, Absent, WITH(o.leftovers = true), "- | remove | again"},
    {"what was made beside a stranger", Stage::Finished, Running, WITH(o.ours = false, o.leftovers = true),
     "- | remove | again"},
    {"a stranger under our name", Stage::Finished, Running, WITH(o.ours = false), "→ Cleaned | - | settled"},
    {"clean", Stage::Cleaned, Absent, nullptr, "- | - | rest"},
    {"a late create", Stage::Cleaned, Created, nullptr, "- | remove | again"},
    {"a stranger under our name", Stage::Cleaned, Running, WITH(o.ours = false), "- | - | rest"},
};

TEST(Plan, Table) {
  for (const auto& line : kTable) {
    auto e = row_at(line.stage);
    auto o = seen(line.state);
    auto n = node();
    if (line.change) line.change(e, o, n);
    EXPECT_EQ(describe(plan(e, o, n, kNow)), line.plan)
        << to_string(line.stage) << " × " << runtime::to_string(line.state) << ": " << line.situation;
  }
}

TEST(Plan, DoubtIsResolvedByWhatCanBeProved) {
  const auto resolve = [](ContainerState state, bool fenced,
                          void (*change)(Execution&, Observation&) = nullptr) {
    auto e = row_at(Stage::Launching);
    auto o = seen(state);
    o.fenced = fenced;
    if (change) change(e, o);
    return describe(resolve_doubt(e, o, fenced, kNow));
  };
  EXPECT_EQ(resolve(Running, true), "→ Running | - | in 50000 ms");
  EXPECT_EQ(resolve(Exited, true), "→ Running | - | again");
  EXPECT_EQ(resolve(Paused, false), "→ Running | - | in 50000 ms");
  EXPECT_EQ(resolve(Created, true), "→ Claimed | - | again");
  EXPECT_EQ(resolve(Created, false), "- | collect | again")
      << "without a fence a late start could still run it";
  EXPECT_EQ(resolve(Created, true, [](Execution&, Observation& o) { o.engine = "engine-2"; }),
            "- | collect | again");
  EXPECT_EQ(resolve(Created, true, [](Execution& e, Observation& o) { e.engine = o.engine = ""; }),
            "- | collect | again");
  EXPECT_EQ(resolve(Absent, true), "- | collect | again");
  EXPECT_EQ(resolve(Running, true, [](Execution&, Observation& o) { o.ours = false; }),
            "- | collect | again");
  EXPECT_EQ(resolve(Exited, true, [](Execution&, Observation& o) { o.started_at = {}; }),
            "→ Claimed | - | again");
  const auto refused = [](Execution&, Observation& o) { o.engine_error = "unavailable"; };
  EXPECT_EQ(resolve(Created, true, refused), "→ Claimed | - | again");
  EXPECT_EQ(resolve(Created, false, refused), "→ Claimed | - | again")
      << "the one start there was is answered";
  EXPECT_EQ(resolve(Created, true, [](Execution&, Observation& o) { o.may_have_run = true; }),
            "- | collect | again")
      << "something of it has used its cgroup";
  EXPECT_EQ(resolve(Created, true,
                    [](Execution& e, Observation& o) {
                      e.create_failures = kCreateAttempts - 1;
                      o.engine_error = "unavailable";
                    }),
            "finish EngineError | - | again")
      << "not for ever";
}

TEST(Plan, StartedAtIsCarriedFromTheEnginesClockToTheDatabases) {
  auto e = row_at(Stage::Launching);
  auto o = seen(Running);
  o.observed_at = kNow + std::chrono::hours(3);  // the engine's host is three hours ahead
  o.started_at = o.observed_at - 4s;
  const auto record = std::get<store::Transition>(plan(e, o, node(), kNow).record);
  EXPECT_EQ(record.started_at, kNow - 4s);
  EXPECT_EQ(record.deadline_at, kNow - 4s + kTimeout);
}

TEST(Plan, AStartIsReckonedInsideWhatWeKnowOfIt) {
  auto e = row_at(Stage::Launching);
  e.intent_at = kNow - 3s;
  auto o = seen(Running);
  const auto started = [&] {
    return std::get<store::Transition>(plan(e, o, node(), kNow).record).started_at;
  };
  o.started_at = o.observed_at - 1h;
  EXPECT_EQ(started(), kNow - 3s) << "this host's clock was set forward: not before the intent";
  o.started_at = o.observed_at + 1h;
  EXPECT_EQ(started(), kNow) << "set back: not after now";
  o.started_at = o.observed_at - 3s;
  o.running_for = 1s;
  EXPECT_EQ(started(), kNow - 1s) << "the engine's stamp is of the beginning of the start, not of the run";
}

// By it a stop at the engine's restart is told from the workload's own end (conclude_test).
TEST(Plan, AdoptionKeepsTheEngineThatTookTheStart) {
  const auto e = row_at(Stage::Launching);
  for (const auto state : {Running, Exited}) {
    auto o = seen(state);
    o.engine = "engine-2";
    const auto record = std::get<store::Transition>(plan(e, o, node(), kNow).record);
    EXPECT_EQ(record.to, Stage::Running);
    EXPECT_EQ(record.engine, std::nullopt);
  }
}

// --- every combination, held to rules
// ---------------------------------------------------------------------------------

struct Situation {
  Execution e;
  Observation o;
  NodeView n;
};

template <class Visit>
int for_every_situation(Visit visit) {
  int count = 0;
  for (const auto stage : kStages)
    for (const auto state : {Absent, Created, Running, Paused, Exited, Removing, Dead})
      for (const bool cancel : {false, true})
        for (const bool late : {false, true})
          for (const bool ours : {true, false})
            for (const bool lease : {true, false})
              for (const bool draining : {false, true})
                for (const bool fenced : {false, true}) {
                  Situation s{row_at(stage), seen(state), node()};
                  s.e.cancel_requested = cancel;
                  if (late && s.e.started_at) s.e.started_at = kNow - kTimeout - 1s;
                  if (late && s.e.kill_at) s.e.kill_at = kNow - 1s;
                  s.o.ours = ours && state != Absent;
                  s.n.lease_held = lease;
                  s.n.draining = draining;
                  s.o.fenced = fenced;
                  visit(s, plan(s.e, s.o, s.n, kNow));
                  ++count;
                }
  return count;
}

template <class T>
bool is(const Action& action) {
  return std::holds_alternative<T>(action);
}

TEST(Plan, ExhaustiveTable) {
  const int count = for_every_situation([](const Situation& s, const Plan& p) {
    const auto where = std::string(to_string(s.e.stage)) + " × " +
                       std::string(runtime::to_string(s.o.state)) + " = " + describe(p);
    const auto* transition = std::get_if<store::Transition>(&p.record);
    if (is<Start>(p.action)) {
      ASSERT_TRUE(transition && transition->to == Stage::Launching && transition->unless_cancelled) << where;
      ASSERT_TRUE(s.n.lease_held && s.o.ours && s.o.state == Created && !s.o.fenced && !s.e.cancel_requested)
          << where;
    }
    if (is<Create>(p.action)) {
      ASSERT_TRUE(s.e.stage == Stage::Claimed && s.n.lease_held && s.o.state == Absent) << where;
    }
    if (is<Remove>(p.action)) {
      ASSERT_TRUE(s.o.ours) << "what is not ours is not touched: " << where;
      const bool evidence_safe =
          s.e.stage == Stage::Recycling || s.e.stage == Stage::Finished || s.e.stage == Stage::Cleaned;
      const bool never_ran = s.e.stage == Stage::Claimed && (s.o.state == Created || s.o.state == Dead);
      ASSERT_TRUE(evidence_safe || never_ran) << where;
    }
    if (is<Signal>(p.action)) {
      ASSERT_TRUE(s.o.ours && (s.o.state == Running || s.o.state == Paused)) << where;
    }
    if (is<Collect>(p.action)) {
      ASSERT_TRUE(s.e.stage == Stage::Launching || s.e.stage == Stage::Running ||
                  s.e.stage == Stage::Stopping)
          << where;
    }
    if (transition) {
      ASSERT_EQ(transition->from, s.e.stage) << where;
    }
    if (const auto* finish = std::get_if<store::Finish>(&p.record)) {
      ASSERT_NE(finish->reason, Reason::Completed) << "only conclude() completes: " << where;
      ASSERT_FALSE(finish->attempt.started) << where;
    }
    const bool nothing = std::holds_alternative<NoRecord>(p.record) && is<Nothing>(p.action);
    ASSERT_FALSE(nothing && std::holds_alternative<controller::Again>(p.next)) << "would spin: " << where;
  });
  std::printf("plan: %d situations\n", count);
  EXPECT_EQ(count, 10 * 7 * 64);
}

TEST(Plan, AContainerThatIsOnlyEverGoingIsNotWaitedForForEver) {
  auto patient = node();
  auto silent = node();
  silent.silent = silent.engine_patience;
  for (const auto state : {ContainerState::Removing, ContainerState::Dead}) {
    for (const auto stage : {Stage::Launching, Stage::Running, Stage::Stopping}) {
      EXPECT_EQ(describe(plan(row_at(stage), seen(state), patient, kNow)), "- | - | in 500 ms");
      EXPECT_EQ(describe(plan(row_at(stage), seen(state), silent, kNow)), "- | collect | again");
    }
  }
  const auto going = seen(ContainerState::Removing);
  EXPECT_EQ(describe(plan(row_at(Stage::Claimed), going, patient, kNow)), "- | - | in 500 ms");
  EXPECT_EQ(describe(plan(row_at(Stage::Claimed), going, silent, kNow)), "recycle EngineError | - | again");
}

TEST(Plan, ACreateThatFailsIsTriedAgainLaterEachTimeAndFiveTimesAtMost) {
  auto row = row_at(Stage::Claimed);
  const Error error{ErrorClass::Doubt, "no"};
  for (const auto* next : {"in 500 ms", "in 1000 ms", "in 2000 ms", "in 4000 ms"}) {
    const auto planned = create_failed(row, error, kNow);
    EXPECT_EQ(describe(planned), std::string("→ Claimed | - | ") + next);
    row.create_failures = std::get<store::Transition>(planned.record).create_failures.value();
  }
  EXPECT_EQ(describe(create_failed(row, error, kNow)), "finish EngineError | - | again");
}

}  // namespace
}  // namespace slipway::reconcilers

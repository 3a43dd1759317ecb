#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "test/reconcilers/plan_fixture.h"

// A tiny world of one row and one container, driven by the plan alone from every state that can be reached,
// with the world interfering. Safety is checked at every step, liveness at the end: once the world leaves it
// alone, a row converges.
namespace slipway::reconcilers {
namespace {

using namespace testing;
using enum ContainerState;

constexpr int kPasses = 15;

struct World {
  Execution row = row_at(Stage::Claimed);
  ContainerState state = Absent;
  bool fenced = false;
  bool leftovers = false;
  bool ever_started = false;
  bool evidence = false;
  int starts_this_attempt = 0;
  int exit_code = 0;
  EngineIdentity engine = "engine-1";
  int engines = 1;
  TimePoint now = kNow;
  TimePoint started_at;
  std::optional<Reason> final_reason;
  std::string history;

  World() { row.image_id.clear(); }

  Observation look() const {
    auto o = seen(state);
    o.fenced = fenced;
    o.leftovers = state == Absent && leftovers;
    o.engine = engine;
    o.observed_at = now;
    if (o.started_at != TimePoint{}) o.started_at = started_at;
    if (state == Exited) o.finished_at = now, o.exit_code = exit_code;
    return o;
  }

  void commit(const Record& record) {
    if (const auto* t = std::get_if<store::Transition>(&record)) commit_transition(*t);
    if (const auto* f = std::get_if<store::Finish>(&record)) {
      ASSERT_FALSE(final_reason) << "a final status never changes" << history;
      final_reason = f->reason;
      evidence = true;
      row.stage = Stage::Finished;
      row.reason = f->reason;
    }
    if (std::holds_alternative<store::Recycle>(record)) row.stage = Stage::Recycling, evidence = true;
    if (std::holds_alternative<Requeue>(record)) {
      ASSERT_EQ(state, Absent) << "attempts never overlap" << history;
      const int attempt = row.ref.attempt + 1;
      const auto cancel = row.cancel_requested;
      const int limit = row.retry_limit;
      row = row_at(Stage::Claimed);  // the next claim, at once
      row.image_id.clear();
      row.ref.attempt = attempt;
      row.retry_limit = limit;
      row.cancel_requested = cancel;
      evidence = ever_started = fenced = leftovers = false;
      starts_this_attempt = 0;
    }
  }

  void commit_transition(const store::Transition& t) {
    ASSERT_EQ(t.from, row.stage) << history;
    row.stage = t.to;
    row.reason = t.reason;
    if (t.image_id) row.image_id = *t.image_id;
    if (t.engine) row.engine = *t.engine;
    if (t.started_at) row.started_at = t.started_at;
    if (t.deadline_at) row.deadline_at = t.deadline_at;
    if (t.kill_at) row.kill_at = t.kill_at;
    if (t.verdict) row.verdict = t.verdict;
    if (t.intent_at) row.intent_at = t.intent_at;
  }

  void run_container() {
    if (state != Created || fenced) return;  // the fence makes every start fail
    state = Running;
    started_at = now;
    ever_started = true;
    ++starts_this_attempt;
    ASSERT_LE(starts_this_attempt, 1) << "one start an attempt" << history;
  }

  /// `lost`: the effect's answer does not come; `drop`: the effect does not happen either.
  void apply(const Action& action, const NodeView& view, bool drop) {
    if (drop) return;
    if (std::holds_alternative<Create>(action) && state == Absent)
      state = Created, fenced = false, leftovers = true;
    if (std::holds_alternative<Start>(action)) {
      ASSERT_EQ(row.stage, Stage::Launching) << "no start outside Launching" << history;
      run_container();
      fenced = fenced || state == Running;
    }
    if (std::holds_alternative<ResolveDoubt>(action)) {
      fenced = true;
      const auto p = resolve_doubt(row, look(), fenced, now);
      commit(p.record);
      apply(p.action, view, false);
    }
    if (const auto* signal = std::get_if<Signal>(&action)) {
      if (signal->signal == runtime::Signal::Kill) state = Exited, exit_code = 137;
      if (signal->signal == runtime::Signal::Unpause) state = Running;
    }
    if (std::holds_alternative<Collect>(action)) commit(conclude(row, look(), view, findings(), now));
    if (std::holds_alternative<Remove>(action)) {
      ASSERT_TRUE(evidence || !ever_started) << "evidence before removal" << history;
      state = Absent;
      leftovers = fenced = false;
    }
  }

  static Findings findings() {
    Findings f;
    f.evidence.result_state = Evidence::ResultState::Present;
    f.evidence.result = "{}";
    return f;
  }

  /// One pass; false: at rest for good.
  bool pass(bool drop_effect = false, bool drop_record = false) {
    auto view = node();
    const auto p = plan(row, look(), view, now);
    history += "\n  " + std::string(to_string(row.stage)) + " × " + std::string(runtime::to_string(state)) +
               ": " + describe(p);
    if (drop_record) return true;
    const auto* t = std::get_if<store::Transition>(&p.record);
    if (t && t->unless_cancelled && row.cancel_requested) return true;  // the row refuses the intent
    const auto stage = row.stage;
    commit(p.record);
    apply(p.action, view, drop_effect);
    if (const auto* wake = std::get_if<controller::WakeAt>(&p.next)) now = std::max(now, wake->at);
    return !(std::holds_alternative<controller::Converged>(p.next) && stage == Stage::Cleaned);
  }
};

/// What the world does between two passes.
void interfere(World& w, std::mt19937& random) {
  switch (random() % 12) {
    case 0:
      w.row.cancel_requested = true;
      break;
    case 1:
      if (w.state == Running) w.state = Exited, w.exit_code = static_cast<int>(random() % 3);
      break;
    case 2:
      if (w.state == Running) w.state = Paused;
      break;
    case 3:
      w.engine = "engine-" + std::to_string(++w.engines);
      break;
    case 4:
      if (w.row.stage != Stage::Claimed) w.state = Absent;
      break;  // a person removes it
    case 5:
      w.now += std::chrono::seconds(random() % 90);
      break;
    case 6:  // a killed engine comes back having forgotten that it ran
      if (w.state == Running) w.state = Created, w.engine = "engine-" + std::to_string(++w.engines);
      break;
    case 7:
      if (w.row.stage == Stage::Launching) w.run_container();
      break;  // a late start
    default:
      break;
  }
}

TEST(PlanProperty, SafeAlwaysAndConvergesWithinFifteenPassesOfBeingLeftAlone) {
  int histories = 0;
  for (unsigned seed = 0; seed < 20'000; ++seed) {
    std::mt19937 random(seed);
    World world;
    world.row.retry_limit = static_cast<int>(random() % 3);
    const auto disturbed = random() % 20;
    for (unsigned step = 0; step < disturbed; ++step) {
      interfere(world, random);
      world.pass(random() % 5 == 0, random() % 7 == 0);
      if (HasFatalFailure()) FAIL() << "seed " << seed << world.history;
    }
    const int attempts_left = world.row.retry_limit - world.row.ref.attempt + 1;
    const int allowed = kPasses * (1 + std::max(0, attempts_left));
    int passes = 0;
    while (world.pass()) {
      if (HasFatalFailure()) FAIL() << "seed " << seed << world.history;
      ASSERT_LT(++passes, allowed) << "does not converge, seed " << seed << world.history;
      // Left alone, a container that runs comes to its own end.
      if (world.state == Running && world.row.stage == Stage::Running)
        world.state = Exited, world.exit_code = 0;
    }
    ASSERT_EQ(world.state, Absent) << "seed " << seed << world.history;
    ASSERT_TRUE(world.final_reason) << "seed " << seed;
    ++histories;
  }
  std::printf("plan_property: %d histories\n", histories);
}

}  // namespace
}  // namespace slipway::reconcilers

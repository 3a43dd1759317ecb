#include "reconcilers/execution/plan.h"

#include <algorithm>
#include <utility>

// How one pass decides:
//   1. The stage says what was last committed; it selects one function below.
//   2. That function looks at the container, first for what must not be touched (not ours), then for what has
//   happened
//      without us (exit, loss), then for what we want to happen next.
//   3. Whatever rests on a decision is recorded first: a start on its intent, a signal on its verdict, a
//   removal on its
//      evidence. A crash between record and effect therefore leaves a row that explains what may have been
//      done.
namespace slipway::reconcilers {
namespace {

using controller::Again;
using controller::Converged;
using controller::WakeAt;
using runtime::ContainerState;
using runtime::Observation;

constexpr auto kLookAgain = std::chrono::milliseconds(500);
constexpr auto kImagePatience =
    std::chrono::seconds(30);  // the image's own key wakes us; this only covers a lost wake-up

Plan rest() { return {NoRecord{}, Nothing{}, Converged{}}; }
Plan look_at(TimePoint at) { return {NoRecord{}, Nothing{}, WakeAt{at}}; }
Plan act(Action action) { return {NoRecord{}, action, Again{}}; }
Plan write(Record record) { return {std::move(record), Nothing{}, Again{}}; }

store::Transition step(const Execution& e, Stage to, Reason reason) {
  store::Transition transition;
  transition.id = e.ref.execution;
  transition.claim = e.ref.claim;
  transition.from = e.stage;
  transition.to = to;
  transition.reason = reason;
  return transition;
}

bool never_started(const Observation& o) { return o.started_at == TimePoint{}; }

/// A start that the engine answered with an error that blames somebody. After the fence it is our doing,
/// never the author's.
bool is_refused(const Observation& o) { return o.refused && !o.fenced; }

/// After the first start that came to nothing 500 ms, then twice as long each time: an engine that has lost
/// its containerd is given some seconds.
TimePoint next_try(const Execution& e) {
  if (e.create_failures == 0 || !e.intent_at) return TimePoint{};
  return *e.intent_at + kLookAgain * (1 << std::min(e.create_failures - 1, kCreateAttempts));
}

TimePoint deadline_of(const Execution& e) { return e.started_at.value_or(TimePoint{}) + timeout_of(e); }

bool is_silent(const NodeView& node) { return node.silent >= node.engine_patience; }

/// The end of an execution whose container may still run: never another attempt.
store::Finish end_without_proof(const Execution& e, Reason reason, std::string detail) {
  store::Finish finish;
  finish.id = e.ref.execution;
  finish.claim = e.ref.claim;
  finish.from = e.stage;
  finish.reason = finish.attempt.reason = reason;
  finish.attempt.started = e.started_at.has_value();
  finish.attempt.detail = std::move(detail);
  return finish;
}

Plan cancelled_before_start(const Execution& e) { return write(end_attempt(e, Reason::Cancelled, "")); }

// --- Claimed: fetch the image, create the container, commit the intent to start
// -------------------------------------

Plan create_container(const Execution& e, const NodeView& node, TimePoint now) {
  if (e.create_failures >= kCreateAttempts)
    return write(end_attempt(e, Reason::EngineError, "create failed too often"));
  if (const auto at = next_try(e); now < at) return look_at(at);
  switch (node.image.state) {
    case ImageView::State::Unknown: {
      Plan plan{NoRecord{}, WaitForImage{}, WakeAt{now + kImagePatience}};
      if (e.reason != Reason::PullingImage) plan.record = step(e, Stage::Claimed, Reason::PullingImage);
      return plan;
    }
    case ImageView::State::Present:
      return act(Create{});
    case ImageView::State::NotFound:
      return write(end_attempt(e, Reason::ImageNotFound, node.image.detail));
    case ImageView::State::NotAllowed:
      return write(end_attempt(e, Reason::ImageNotAllowed, node.image.detail));
    case ImageView::State::Failed:
      return write(end_attempt(e, Reason::ImagePullFailed, node.image.detail));
  }
  __builtin_unreachable();
}

Plan launch(const Execution& e, const Observation& o, TimePoint now) {
  // A crash after doubt was resolved leaves a fenced container that can never start: make room for a fresh
  // one.
  if (o.fenced) return act(Remove{});
  if (!o.violated_limit.empty()) return write(end_attempt(e, Reason::NotEnforceable, o.violated_limit));
  auto intent = step(e, Stage::Launching, Reason::Starting);
  intent.unless_cancelled = true;
  intent.engine = o.engine;
  intent.intent_at = now;
  intent.container_id = o.container_id;
  if (e.image_id.empty()) intent.image_id = o.image_id;  // what runs now is what every later attempt runs
  intent.effective_limits = o.effective_limits;
  return {std::move(intent), Start{}, Again{}};
}

/// A claim is a loan: who cannot start it gives it back, with its use, for whoever can. No retry of the
/// policy is asked for, since nothing was tried.
Record give_back(const Execution& e) {
  store::AttemptEnd attempt;
  attempt.reason = Reason::EngineError;
  attempt.detail = "not started within the start patience: given back to the queue";
  return store::Recycle{e.ref.execution, e.ref.claim, e.stage, std::move(attempt)};
}

Plan plan_claimed(const Execution& e, const Observation& o, const NodeView& node, TimePoint now) {
  const bool there = o.state != ContainerState::Absent;
  if (there && !o.ours) return write(end_attempt(e, Reason::EngineError, "the container's name is taken"));
  if (e.cancel_requested) return cancelled_before_start(e);
  if (node.draining) return write(end_attempt(e, Reason::NodeDraining, ""));
  // A revision of a newer binary may ask for what this one would not hold to: nothing is started by it.
  if (!e.spec_whole)
    return write(end_attempt(e, Reason::EngineError, "this binary cannot read the agent's revision"));
  const bool may_start = o.state == ContainerState::Absent || o.state == ContainerState::Created;
  if (may_start && node.stays >= node.start_patience) return write(give_back(e));
  switch (o.state) {
    case ContainerState::Absent:
      return node.lease_held ? create_container(e, node, now) : look_at(now + kLookAgain);
    case ContainerState::Created:
      return node.lease_held ? launch(e, o, now) : look_at(now + kLookAgain);
    case ContainerState::Running:
    case ContainerState::Paused:
    case ContainerState::Exited:
      return write(end_attempt(e, Reason::EngineError, "started by somebody else"));
    case ContainerState::Removing:
      return is_silent(node) ? write(give_back(e)) : look_at(now + kLookAgain);
    case ContainerState::Dead:
      return act(Remove{});
  }
  __builtin_unreachable();
}

// --- Launching: the intent is committed and start was sent, or may have been
// ----------------------------------------

Plan adopt(const Execution& e, const Observation& o, TimePoint now) {
  auto running = step(e, Stage::Running, Reason::Running);
  // The process's own age if it lives; else both moments are on the engine's clock, so its skew against the
  // database's cancels out. Either counts inside what we know ourselves: after the intent, and not after now.
  const auto age = std::max(o.running_for.value_or(o.observed_at - o.started_at), Duration{0});
  const auto started = std::max(now - age, e.intent_at.value_or(TimePoint{}));
  running.started_at = started;
  running.deadline_at = started + timeout_of(e);
  // The row keeps the engine that took the start: one that came since may have stopped what it found.
  running.container_id = o.container_id;
  if (o.state == ContainerState::Exited) return write(std::move(running));
  return {std::move(running), Nothing{}, WakeAt{started + timeout_of(e)}};
}

Plan plan_launching(const Execution& e, const Observation& o, const NodeView& node, TimePoint now) {
  if (o.state != ContainerState::Absent && !o.ours) return act(Collect{});
  switch (o.state) {
    case ContainerState::Created:
      // Other words than a refusal's prove nothing: the engine writes some also when whoever asked went away,
      // or when it lost its containerd.
      if (is_refused(o)) return write(end_attempt(e, *o.refused, o.engine_error));
      return act(ResolveDoubt{});
    case ContainerState::Running:
    case ContainerState::Paused:
      return adopt(e, o, now);
    case ContainerState::Exited:
      if (!never_started(o)) return adopt(e, o, now);
      if (is_refused(o)) return write(end_attempt(e, *o.refused, o.engine_error));
      return act(ResolveDoubt{});
    case ContainerState::Absent:
      return act(Collect{});
    case ContainerState::Removing:
    case ContainerState::Dead:
      return is_silent(node) ? act(Collect{}) : look_at(now + kLookAgain);
  }
  __builtin_unreachable();
}

// --- Running, Stopping: lead it to its end
// --------------------------------------------------------------------------

Plan stop(const Execution& e, Verdict verdict, std::chrono::seconds grace, TimePoint now) {
  auto stopping = step(e, Stage::Stopping, Reason::Stopping);
  stopping.verdict = verdict;
  // Who is asked to end has no more time than who runs into its deadline.
  const auto kill_at = std::min(now + grace, std::max(now, deadline_of(e)) + kGracePastDeadline);
  stopping.kill_at = kill_at;
  return {std::move(stopping), Signal{runtime::Signal::Term}, WakeAt{kill_at}};
}

Plan plan_running(const Execution& e, const NodeView& node, TimePoint now) {
  // The deadline is judged by the timeout as it stands: a shortened one must not wait for its own
  // bookkeeping.
  const auto deadline = deadline_of(e);
  if (now >= deadline) return stop(e, Verdict::Deadline, kGracePastDeadline, now);
  if (e.cancel_requested) return stop(e, Verdict::Cancel, e.spec->termination_grace_period, now);
  if (node.draining) return stop(e, Verdict::Drain, e.spec->termination_grace_period, now);
  if (e.deadline_at != deadline) {
    auto moved = step(e, Stage::Running, Reason::Running);
    moved.deadline_at = deadline;
    return write(std::move(moved));
  }
  return look_at(deadline);
}

Plan plan_stopping(const Execution& e, const NodeView& node, TimePoint now) {
  const auto kill_at = e.kill_at.value_or(now);
  if (now >= kill_at)
    return {NoRecord{}, Signal{runtime::Signal::Kill}, WakeAt{now + std::chrono::seconds(1)}};
  // A crash between the verdict and its signal is made good here; a second TERM does no harm.
  if (!node.term_sent) return {NoRecord{}, Signal{runtime::Signal::Term}, WakeAt{kill_at}};
  return look_at(kill_at);
}

Plan plan_started(const Execution& e, const Observation& o, const NodeView& node, TimePoint now) {
  if (o.state != ContainerState::Absent && !o.ours) return act(Collect{});
  switch (o.state) {
    case ContainerState::Running:
      return e.stage == Stage::Running ? plan_running(e, node, now) : plan_stopping(e, node, now);
    case ContainerState::Paused:
      return act(Signal{runtime::Signal::Unpause});
    case ContainerState::Exited:
    case ContainerState::Created:  // the engine forgot that it ran
    case ContainerState::Absent:
      return act(Collect{});
    case ContainerState::Removing:
    case ContainerState::Dead:
      return is_silent(node) ? act(Collect{}) : look_at(now + kLookAgain);
  }
  __builtin_unreachable();
}

// --- Recycling, Finished, Cleaned: the evidence is committed, so nothing need be left
// -------------------------------

/// A stranger under our name is not ours to remove; what was made beside it, before the name was found taken,
/// is.
bool is_gone(const Observation& o) { return !o.ours && !o.leftovers; }

Plan plan_recycling(const Execution& e, const Observation& o) {
  if (!is_gone(o)) return act(Remove{});
  if (e.cancel_requested) return write(end_attempt(e, Reason::Cancelled, ""));
  return {Requeue{}, Nothing{}, Converged{}};
}

Plan plan_finished(const Execution& e, const Observation& o) {
  if (!is_gone(o)) return act(Remove{});
  return {step(e, Stage::Cleaned, e.reason), Nothing{}, controller::Settled{}};
}

}  // namespace

std::chrono::seconds timeout_of(const Execution& e) { return std::min(e.timeout, e.spec->max_timeout); }

Plan plan(const Execution& e, const Observation& o, const NodeView& node, TimePoint now) {
  switch (e.stage) {
    case Stage::New:
    case Stage::Deferred:
    case Stage::Queued:
      return rest();  // nobody's yet: the claimer's affair
    case Stage::Claimed:
      return plan_claimed(e, o, node, now);
    case Stage::Launching:
      return plan_launching(e, o, node, now);
    case Stage::Running:
    case Stage::Stopping:
      return plan_started(e, o, node, now);
    case Stage::Recycling:
      return plan_recycling(e, o);
    case Stage::Finished:
      return plan_finished(e, o);
    case Stage::Cleaned:
      return is_gone(o) ? rest() : act(Remove{});
  }
  __builtin_unreachable();
}

Plan create_failed(const Execution& e, const Error& error, TimePoint now) {
  const auto end_with = [&](Reason reason) { return write(end_attempt(e, reason, error.message)); };
  switch (error.error_class) {
    case ErrorClass::Retry:
      return look_at(now + kLookAgain);
    case ErrorClass::Conflict:
      return {NoRecord{}, Nothing{}, Again{}};  // the next look shows whose it is
    case ErrorClass::NotFound:
    case ErrorClass::Doubt: {
      if (e.create_failures + 1 >= kCreateAttempts) return end_with(Reason::EngineError);
      auto counted = step(e, Stage::Claimed, Reason::Starting);
      counted.create_failures = e.create_failures + 1;
      return {std::move(counted), Nothing{}, WakeAt{now + kLookAgain * (1 << e.create_failures)}};
    }
    case ErrorClass::Invalid:
      return end_with(Reason::CommandInvalid);
    case ErrorClass::Unsupported:
      return end_with(Reason::NotEnforceable);
    case ErrorClass::StorageFull:
      return end_with(Reason::NodeStorageFull);
  }
  __builtin_unreachable();
}

namespace {

bool is_to_be_collected(const Execution& e, const Observation* seen) {
  if (!seen || seen->state == ContainerState::Running || seen->state == ContainerState::Paused) return false;
  return e.stage != Stage::Launching || seen->state == ContainerState::Absent || !never_started(*seen);
}

}  // namespace

Record end_of_patience(const Execution& e, const Observation* seen, const NodeView& node, TimePoint now) {
  switch (e.stage) {
    case Stage::New:
    case Stage::Deferred:
    case Stage::Queued:
    case Stage::Finished:
    case Stage::Cleaned:
      return NoRecord{};
    case Stage::Claimed:
      if (!is_silent(node)) return NoRecord{};
      return give_back(e);
    case Stage::Launching:
    case Stage::Running:
    case Stage::Stopping:
      if (is_to_be_collected(e, seen)) {
        if (node.silent < kCollectPatience) return NoRecord{};
        return conclude(e, *seen, node, Findings{.unread = true}, now);
      }
      // A run that nobody can look at is not ended before its time.
      if (!is_silent(node) || (e.started_at && now < deadline_of(e) + kGracePastDeadline)) return NoRecord{};
      return end_without_proof(e, Reason::EngineError,
                               "the engine does not answer about this container, and answers about others");
    case Stage::Recycling:
      if (node.silent < kRemovalPatience) return NoRecord{};
      return end_without_proof(e, Reason::EngineError, "the container of the last attempt cannot be removed");
  }
  __builtin_unreachable();
}

Duration retry_pause(int attempt, double dice) {
  constexpr int kDoublings = 6;
  const auto full = std::min<Duration>(std::chrono::seconds(1LL << std::min(attempt - 1, kDoublings)),
                                       std::chrono::minutes(1));
  return full / 2 + Duration{static_cast<Duration::rep>(static_cast<double>(full.count() / 2) * dice)};
}

std::optional<Reason> end_reason(const Record& record) {
  if (const auto* finish = std::get_if<store::Finish>(&record)) return finish->reason;
  if (const auto* recycle = std::get_if<store::Recycle>(&record)) return recycle->attempt.reason;
  return std::nullopt;
}

Plan resolve_doubt(const Execution& e, const Observation& o, bool fenced, TimePoint now) {
  const bool ours = o.state != ContainerState::Absent && o.ours;
  if (ours && (o.state == ContainerState::Running || o.state == ContainerState::Paused))
    return adopt(e, o, now);
  if (ours && o.state == ContainerState::Exited && !never_started(o)) return adopt(e, o, now);
  // "Never started" is proof only while the engine that took the start is the one that says so, nothing has
  // used its cgroup, and nothing can start it any more: it is fenced, or the one start there was has been
  // answered.
  const bool same_engine = !e.engine.empty() && e.engine == o.engine;
  const bool never = o.state == ContainerState::Created || o.state == ContainerState::Exited;
  const bool refused = !o.engine_error.empty();
  if (!ours || !never || !same_engine || o.may_have_run || !(fenced || refused)) return act(Collect{});
  auto again = step(e, Stage::Claimed, Reason::Starting);
  if (!refused) return write(std::move(again));
  again.create_failures = e.create_failures + 1;
  if (*again.create_failures >= kCreateAttempts)
    return write(end_attempt(e, Reason::EngineError, o.engine_error));
  return write(std::move(again));
}

}  // namespace slipway::reconcilers

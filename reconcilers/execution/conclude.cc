#include <algorithm>
#include <optional>
#include <utility>

#include "api/utf8.h"
#include "reconcilers/execution/plan.h"

// How an ended attempt is judged: the table in docs/errors.md. Our verdict, the engine's out-of-memory mark
// and the exit code are three facts: a code can be forged, the mark is set when only a child died, and a
// verdict wins over whatever came after it. What had ended before it is judged by its own end.
namespace slipway::reconcilers {
namespace {

using runtime::ContainerState;
using runtime::Observation;

constexpr std::size_t kMostDetail = 4096;  // bytes of what the engine or a check says of one attempt
constexpr auto kEngineSettles =
    std::chrono::seconds(30);  // a starting engine stops what it finds within this
constexpr auto kClocksAgree =
    std::chrono::milliseconds(50);  // the row's and the engine's, while nobody sets them
constexpr int kNobodyKnows = 255;

bool has_run_to_its_end(const Observation& o) {
  return o.state == ContainerState::Exited && o.ours && o.started_at != TimePoint{};
}

/// Between its start and its end by the engine's two stamps. None: this host's clock was set meanwhile.
std::optional<Duration> ran_by_stamps(const Execution& e, const Observation& o, TimePoint now) {
  const auto ran = o.finished_at - o.started_at;
  const auto from = e.intent_at.value_or(e.started_at.value_or(TimePoint{}));
  if (ran <= Duration{0} || ran > now - from + kClocksAgree) return std::nullopt;
  return ran;
}

/// When it ended, on the clock of the row. How long ago that was is the engine's to say as long as it fits
/// between the start and now; else how long it ran. None: a clock was set, and nobody knows.
std::optional<TimePoint> ended_at(const Execution& e, const Observation& o, TimePoint now) {
  if (!e.started_at || !has_run_to_its_end(o)) return std::nullopt;
  const auto ended = now - (o.observed_at - o.finished_at);
  if (ended >= *e.started_at && ended <= now) return ended;
  const auto ran = ran_by_stamps(e, o, now);
  if (!ran) return std::nullopt;
  return *e.started_at + *ran;
}

TimePoint deadline_of(const Execution& e) { return e.started_at.value_or(TimePoint{}) + timeout_of(e); }

/// The moment before which an end is not the doing of our verdict. Never after the signal.
std::optional<TimePoint> verdict_from(const Execution& e) {
  if (!e.verdict || !e.kill_at) return std::nullopt;
  switch (*e.verdict) {
    case Verdict::Deadline:
      return std::min(*e.kill_at - kGracePastDeadline, deadline_of(e));
    case Verdict::Cancel:
    case Verdict::Drain:
      return *e.kill_at - e.spec->termination_grace_period;
  }
  __builtin_unreachable();
}

/// Both clocks have to say so: how long ago it ended, and how long it ran.
bool ended_before_verdict(const Execution& e, const Observation& o, TimePoint now) {
  const auto from = verdict_from(e);
  const auto ended = ended_at(e, o, now);
  if (!from || !ended || *ended >= *from - kClocksAgree) return false;
  const auto ran = ran_by_stamps(e, o, now);
  return !ran || *e.started_at + *ran < *from;
}

/// A restart of the engine stops containers with codes that look like their own. With live-restore they go
/// on, and their codes are true; but for 255, which the engine gives whose end it has not been told.
bool interrupted_by_engine(const Execution& e, const Observation& o, const NodeView& node) {
  const bool restarted =
      !e.engine.empty() && o.engine != e.engine && o.finished_at <= o.engine_started_at + kEngineSettles;
  return restarted && (!node.live_restore || o.exit_code == kNobodyKnows);
}

Reason judge_result(const Findings& findings) {
  switch (findings.evidence.result_state) {
    case Evidence::ResultState::Missing:
    case Evidence::ResultState::NotRegular:
      return Reason::OutputMissing;
    case Evidence::ResultState::TooLarge:
      return Reason::OutputTooLarge;
    case Evidence::ResultState::Present:
      if (findings.result_problem.empty()) return Reason::Completed;
      // What a full /output may have cut off is too large first of all.
      return findings.evidence.output_full ? Reason::OutputTooLarge : Reason::OutputInvalid;
  }
  __builtin_unreachable();
}

Reason judge_exit(const Observation& o, const Findings& findings) {
  if (o.exit_code == 0) return findings.unread ? Reason::EngineError : judge_result(findings);
  return o.oom_killed ? Reason::OOMKilled : Reason::NonZeroExit;
}

Reason judge(const Execution& e, const Observation& o, const NodeView& node, const Findings& findings,
             TimePoint now) {
  if (e.verdict && !ended_before_verdict(e, o, now)) return reason_of(*e.verdict);
  if (!has_run_to_its_end(o)) return Reason::ContainerLost;
  const auto ended = ended_at(e, o, now);
  if (!e.verdict && ended && *ended >= deadline_of(e)) return Reason::DeadlineExceeded;
  const Reason own = judge_exit(o, findings);
  // A complete result is beyond doubt; any other end near an engine restart may be the restart's doing
  // (docs/adr/0002), and one after a person's signal is that person's.
  if (own == Reason::Completed) return own;
  if (interrupted_by_engine(e, o, node)) return Reason::Interrupted;
  if (!e.verdict && o.stopped_from_outside && own != Reason::OOMKilled && o.exit_code != 0)
    return Reason::Interrupted;
  return own;
}

bool may_retry(const Execution& e, Reason reason) {
  return row_of(reason).fault == Fault::Platform && !e.cancel_requested && e.ref.attempt <= e.retry_limit;
}

/// A result that does not fit is told to its author with the place; every other end has words of its own.
std::string message_of(Reason reason, const std::string& result_problem) {
  if (reason != Reason::OutputInvalid || result_problem.empty()) return {};
  return "The agent's result is not what was promised: " + result_problem + ".";
}

Record end(const Execution& e, Reason reason, std::optional<std::string> output, store::AttemptEnd attempt,
           std::string message = {}) {
  attempt.reason = reason;
  attempt.detail = excerpt(attempt.detail, kMostDetail);
  if (may_retry(e, reason)) return store::Recycle{e.ref.execution, e.ref.claim, e.stage, std::move(attempt)};
  store::Finish finish;
  finish.id = e.ref.execution;
  finish.claim = e.ref.claim;
  finish.from = e.stage;
  finish.reason = reason;
  finish.message = valid_text(message);
  finish.output = std::move(output);
  finish.attempt = std::move(attempt);
  return finish;
}

}  // namespace

Reason reason_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Deadline:
      return Reason::DeadlineExceeded;
    case Verdict::Cancel:
      return Reason::Cancelled;
    case Verdict::Drain:
      return Reason::NodeDraining;
  }
  __builtin_unreachable();
}

Record end_attempt(const Execution& e, Reason reason, std::string detail) {
  store::AttemptEnd attempt;
  attempt.detail = std::move(detail);
  return end(e, reason, std::nullopt, std::move(attempt));
}

Record conclude(const Execution& e, const Observation& o, const NodeView& node, Findings findings,
                TimePoint now) {
  const Reason reason = judge(e, o, node, findings, now);
  const bool ended = has_run_to_its_end(o);
  store::AttemptEnd attempt;
  attempt.started = e.started_at.has_value() || ended;
  if (ended) {
    attempt.exit_code = o.exit_code;
    attempt.oom_killed = o.oom_killed;
  }
  if (e.started_at) {
    attempt.finished_at = ended_at(e, o, now).value_or(now);
  }
  attempt.peak_memory_bytes = findings.evidence.peak_memory_bytes;
  attempt.cpu_ms = findings.evidence.cpu_ms;
  attempt.logs = std::move(findings.evidence.logs);
  attempt.logs_truncated = findings.evidence.logs_truncated;
  attempt.logs_behind = findings.evidence.logs_behind;
  attempt.detail = o.engine_error.empty() ? findings.result_problem : o.engine_error;
  if (findings.unread) attempt.detail = "what the run left could not be read";
  auto& result = findings.evidence.result;
  if (reason == Reason::Completed) return end(e, reason, std::move(result), std::move(attempt));
  if (!result.empty()) attempt.partial_result = std::move(result);
  return end(e, reason, std::nullopt, std::move(attempt), message_of(reason, findings.result_problem));
}

}  // namespace slipway::reconcilers

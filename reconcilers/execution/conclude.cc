#include <algorithm>
#include <utility>

#include "api/utf8.h"
#include "reconcilers/execution/plan.h"

// How an ended attempt is judged. Our verdict, the engine's out-of-memory mark and the exit code are three
// facts: a code can be forged, the mark is set when only a child died, and a verdict that was committed
// before the kill always wins.
namespace slipway::reconcilers {
namespace {

using runtime::ContainerState;
using runtime::Observation;

constexpr std::size_t kMostDetail = 4096;  // bytes of what the engine or a check says of one attempt
constexpr auto kEngineSettles =
    std::chrono::seconds(30);  // a starting engine stops what it finds within this

bool has_run_to_its_end(const Observation& o) {
  return o.state == ContainerState::Exited && o.ours && o.started_at != TimePoint{};
}

/// Measured on the engine's clock alone, so that no skew or step between hosts can make a timeout.
bool exited_past_deadline(const Execution& e, const Observation& o) {
  return o.finished_at - o.started_at >= timeout_of(e);
}

/// A restart of the engine stops containers with codes that look like their own.
bool interrupted_by_engine(const Execution& e, const Observation& o, const NodeView& node) {
  return !node.live_restore && !e.engine.empty() && o.engine != e.engine &&
         o.finished_at <= o.engine_started_at + kEngineSettles;
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
  if (o.exit_code == 0) return judge_result(findings);
  return o.oom_killed ? Reason::OOMKilled : Reason::NonZeroExit;
}

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

Reason judge(const Execution& e, const Observation& o, const NodeView& node, const Findings& findings) {
  if (e.verdict) return reason_of(*e.verdict);
  if (!has_run_to_its_end(o)) return Reason::ContainerLost;
  if (exited_past_deadline(e, o)) return Reason::DeadlineExceeded;
  const Reason own = judge_exit(o, findings);
  // A complete result is beyond doubt; any other end near an engine restart may be the restart's doing
  // (docs/adr/0002).
  if (own != Reason::Completed && interrupted_by_engine(e, o, node)) return Reason::Interrupted;
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

Record end_attempt(const Execution& e, Reason reason, std::string detail) {
  store::AttemptEnd attempt;
  attempt.detail = std::move(detail);
  return end(e, reason, std::nullopt, std::move(attempt));
}

Record conclude(const Execution& e, const Observation& o, const NodeView& node, Findings findings,
                TimePoint now) {
  const Reason reason = judge(e, o, node, findings);
  const bool ended = has_run_to_its_end(o);
  store::AttemptEnd attempt;
  attempt.started = e.started_at.has_value() || ended;
  if (ended) {
    attempt.exit_code = o.exit_code;
    attempt.oom_killed = o.oom_killed;
  }
  if (e.started_at) {
    attempt.finished_at = ended ? *e.started_at + std::max(o.finished_at - o.started_at, Duration{0}) : now;
  }
  attempt.peak_memory_bytes = findings.evidence.peak_memory_bytes;
  attempt.cpu_ms = findings.evidence.cpu_ms;
  attempt.logs = std::move(findings.evidence.logs);
  attempt.logs_truncated = findings.evidence.logs_truncated;
  attempt.logs_behind = findings.evidence.logs_behind;
  attempt.detail = o.engine_error.empty() ? findings.result_problem : o.engine_error;
  auto& result = findings.evidence.result;
  if (reason == Reason::Completed) return end(e, reason, std::move(result), std::move(attempt));
  if (!result.empty()) attempt.partial_result = std::move(result);
  return end(e, reason, std::nullopt, std::move(attempt), message_of(reason, findings.result_problem));
}

}  // namespace slipway::reconcilers

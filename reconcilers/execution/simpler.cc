#include "reconcilers/execution/simpler.h"

#include <utility>

namespace slipway::reconcilers {
namespace {

/// What decides who pays is kept; it is of fixed size and form.
store::AttemptEnd bare(const store::AttemptEnd& attempt) {
  store::AttemptEnd end;
  end.reason = attempt.reason;
  end.exit_code = attempt.exit_code;
  end.oom_killed = attempt.oom_killed;
  end.started = attempt.started;
  end.logs_truncated = attempt.logs_truncated || !attempt.logs.empty();
  return end;
}

bool is_bare(const store::AttemptEnd& a) {
  return !a.finished_at && !a.peak_memory_bytes && !a.cpu_ms && !a.partial_result && a.logs.empty() &&
         !a.logs_behind && a.detail.empty();
}

store::Finish bare_end(const ExecutionId& id, const ClaimId& claim, Stage from, Reason reason, bool started) {
  store::Finish finish;
  finish.id = id;
  finish.claim = claim;
  finish.from = from;
  finish.reason = finish.attempt.reason = reason;
  finish.attempt.started = started;
  return finish;
}

std::optional<Record> simpler_end(store::Finish finish) {
  if (!is_bare(finish.attempt) || !finish.message.empty()) {
    finish.attempt = bare(finish.attempt);
    finish.message.clear();
    return finish;
  }
  if (!finish.output) return std::nullopt;
  finish.output.reset();
  finish.reason = finish.attempt.reason = Reason::OutputInvalid;
  return finish;
}

std::optional<Record> simpler_retry(store::Recycle recycle) {
  if (!is_bare(recycle.attempt)) {
    recycle.attempt = bare(recycle.attempt);
    return recycle;
  }
  auto finish = bare_end(recycle.id, recycle.claim, recycle.from, recycle.attempt.reason, false);
  finish.attempt = recycle.attempt;
  return finish;
}

std::optional<Record> simpler_step(store::Transition step) {
  if (step.from == Stage::Finished) return std::nullopt;  // it holds nothing, and the execution has ended
  if (step.container_id || step.effective_limits) {
    step.container_id.reset();
    step.effective_limits.reset();
    return step;
  }
  const bool started = step.from == Stage::Running || step.from == Stage::Stopping || step.started_at;
  return bare_end(step.id, step.claim, step.from,
                  step.verdict ? reason_of(*step.verdict) : Reason::EngineError, started);
}

struct Simpler {
  const AttemptRef& ref;
  std::optional<Record> operator()(const NoRecord&) const { return std::nullopt; }
  std::optional<Record> operator()(const store::Transition& step) const { return simpler_step(step); }
  std::optional<Record> operator()(const store::Finish& finish) const { return simpler_end(finish); }
  std::optional<Record> operator()(const store::Recycle& recycle) const { return simpler_retry(recycle); }
  std::optional<Record> operator()(const Requeue&) const {
    return bare_end(ref.execution, ref.claim, Stage::Recycling, Reason::EngineError, false);
  }
};

}  // namespace

std::optional<Record> simpler(const Record& record, const AttemptRef& ref) {
  return std::visit(Simpler{ref}, record);
}

std::optional<store::Decision> simpler(const store::Decision& decision) {
  auto next = decision;
  if (!next.message.empty()) {
    next.message.clear();
    return next;
  }
  if (next.to == Stage::Finished && next.reason == Reason::EngineError) return std::nullopt;
  next.to = Stage::Finished;
  next.reason = Reason::EngineError;
  return next;
}

}  // namespace slipway::reconcilers

#include "reconcilers/execution/recorder.h"

#include "logging/log.h"
#include "reconcilers/execution/simpler.h"
#include "reconcilers/execution/transition_log.h"

namespace slipway::reconcilers {
namespace {

store::Step told_step(const Execution& row, Stage to, Reason reason) {
  return {.id = row.ref.execution,
          .attempt = row.ref.attempt,
          .from = row.stage,
          .to = to,
          .reason = reason,
          .agent = row.agent,
          .traceparent = row.traceparent};
}

}  // namespace

asio::awaitable<Result<bool>> Recorder::write(const Execution& row, Record record, Held::Slot slot) {
  for (const auto meant = record.index();;) {
    const auto written = co_await write_once(row, record, slot);
    if (written) co_return *written&& record.index() == meant;
    if (written.error().error_class != ErrorClass::Invalid) co_return written;
    logging::warn("a record was refused as data",
                  {{"execution", row.ref.execution}, {"error", written.error().message}});
    auto next = simpler(record, row.ref);
    if (!next) co_return written;
    record = std::move(*next);
  }
}

Recorder::Awaitable<bool> Recorder::write_once(const Execution& row, const Record& record, Held::Slot slot) {
  if (const auto* transition = std::get_if<store::Transition>(&record))
    co_return co_await write_transition(row, *transition);
  if (const auto* finish = std::get_if<store::Finish>(&record))
    co_return co_await write_finish(row, *finish, slot);
  if (const auto* recycle = std::get_if<store::Recycle>(&record))
    co_return co_await write_recycle(row, *recycle, slot);
  if (std::holds_alternative<Requeue>(record)) co_return co_await write_requeue(row);
  co_return true;
}

Recorder::Awaitable<bool> Recorder::write_transition(const Execution& row,
                                                     const store::Transition& transition) {
  const auto written = co_await store_.record(transition);
  if (!written || !*written) co_return written;
  const auto& id = row.ref.execution;
  if (transition.to != transition.from) {
    // What is cleaned up keeps the reason it ended with.
    const auto reason = transition.to == Stage::Cleaned ? row.reason : transition.reason;
    log_transition(told_step(row, transition.to, reason));
  }
  if (transition.to == Stage::Running && transition.from == Stage::Launching) {
    probe_.on_started(row, transition.started_at.value_or(clock_.now()));
    held_.needs_no_image(id);
  }
  co_return true;
}

Recorder::Awaitable<bool> Recorder::write_finish(const Execution& row, const store::Finish& finish,
                                                 Held::Slot slot) {
  const auto written = co_await store_.finish(finish);
  if (!written || !*written) co_return written;
  log_transition(told_step(row, Stage::Finished, finish.reason), finish.attempt.detail);
  probe_.on_finished(row, finish, clock_.now());
  held_.let_go(finish.id, slot);
  co_return true;
}

Recorder::Awaitable<bool> Recorder::write_recycle(const Execution& row, const store::Recycle& recycle,
                                                  Held::Slot slot) {
  const auto written = co_await store_.recycle(recycle);
  if (!written || !*written) co_return written;
  log_transition(told_step(row, Stage::Recycling, recycle.attempt.reason), recycle.attempt.detail);
  probe_.on_recycled(row, recycle.attempt.reason);
  held_.let_go(recycle.id, slot);
  co_return true;
}

Recorder::Awaitable<bool> Recorder::write_requeue(const Execution& row) {
  const auto pause = retry_pause(row.ref.attempt, random_());
  const auto written = co_await store_.requeue(row.ref.execution, row.ref.claim, pause);
  if (!written || !*written) co_return written;
  held_.found_gone(row.ref.execution);
  log_transition(told_step(row, Stage::Queued, Reason::Retrying));
  co_return true;
}

}  // namespace slipway::reconcilers

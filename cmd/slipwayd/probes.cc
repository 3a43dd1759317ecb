#include "cmd/slipwayd/probes.h"

namespace slipway {
namespace {

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

/// From when on it was to run.
TimePoint wanted_from(const Execution& row) {
  return row.ref.attempt == 1 ? std::max(row.created_at, row.not_before.value_or(row.created_at))
                              : row.created_at;  // a retry has moved notBefore
}

}  // namespace

CountController::CountController(metrics::Registry& registry, const std::string& name)
    : adds_(
          registry.counter("slipway_workqueue_adds_total", "Keys added to a work queue.", {{"name", name}})),
      retries_(registry.counter("slipway_workqueue_retries_total", "Keys put back after an error.",
                                {{"name", name}})),
      depth_(registry.gauge("slipway_workqueue_depth", "Keys waiting for a worker.", {{"name", name}})),
      waited_(registry.histogram("slipway_workqueue_queue_duration_seconds",
                                 "How long a key waited for a worker.", metrics::seconds_fine(),
                                 {{"name", name}})),
      worked_(registry.histogram("slipway_workqueue_work_duration_seconds", "How long a worker had a key.",
                                 metrics::seconds_fine(), {{"name", name}})),
      drops_(registry.counter("slipway_workqueue_dropped_total", "Keys not taken because too many waited.",
                              {{"name", name}})),
      unfinished_(registry.gauge("slipway_workqueue_unfinished_work_seconds",
                                 "How long the keys that workers have now have been with them, all together.",
                                 {{"name", name}})),
      hung_(registry.gauge("slipway_reconcile_hung", "Reconciles that take longer than they may.",
                           {{"controller", name}})),
      failing_(registry.gauge("slipway_reconcile_failing_seconds",
                              "For how long every reconcile has ended in an error; 0: the last one did not.",
                              {{"controller", name}})),
      took_(registry.histogram("slipway_reconcile_duration_seconds", "How long one reconcile took.",
                               metrics::seconds_fine(), {{"controller", name}})) {
  for (const auto* result : {"converged", "again", "wake_at", "given_up", "error", "exception"})
    results_[result] = &registry.counter("slipway_reconcile_total", "Reconciles by how they ended.",
                                         {{"controller", name}, {"result", result}});
}

void CountController::look(const controller::Controller& loop) {
  depth_.set(static_cast<double>(loop.depth()));
  unfinished_.set(seconds(loop.unfinished()));
  hung_.set(static_cast<double>(loop.hung().size()));
  const auto failing = loop.failing();
  failing_.set(failing ? seconds(failing->since) : 0);
}

void CountController::on_add(std::size_t depth) {
  adds_.add();
  depth_.set(static_cast<double>(depth));
}

void CountController::on_take(std::size_t depth, Duration waited) {
  depth_.set(static_cast<double>(depth));
  waited_.observe(seconds(waited));
}

void CountController::on_done(const char* result, Duration took) {
  results_.at(result)->add();
  took_.observe(seconds(took));
  worked_.observe(seconds(took));
}

void CountController::on_retry() { retries_.add(); }

void CountController::on_drop() { drops_.add(); }

CountExecutions::CountExecutions(metrics::Registry& registry)
    : registry_(registry),
      started_(registry.counter("slipway_executions_started_total", "Containers this process saw start.")),
      queued_(registry.histogram("slipway_execution_queue_seconds",
                                 "From the insert (or notBefore) to the start of the first container.",
                                 metrics::seconds_coarse())),
      ran_(registry.histogram("slipway_execution_run_seconds", "From container start to its exit.",
                              metrics::seconds_coarse())),
      overhead_(registry.histogram(
          "slipway_execution_overhead_seconds",
          "From the insert (or notBefore) to the final status, less the run; waiting for a turn included.",
          metrics::seconds_coarse())),
      overrun_(registry.histogram("slipway_execution_deadline_overrun_seconds",
                                  "How long after its deadline a container still ran, of those that did.",
                                  metrics::seconds_fine())),
      cpu_(registry.histogram("slipway_execution_cpu_seconds", "CPU time of one attempt.",
                              metrics::seconds_coarse())),
      memory_(registry.histogram("slipway_execution_peak_memory_bytes", "Peak memory of one attempt.",
                                 metrics::bytes_coarse())) {
  for (const auto& reason : all_reasons()) {
    if (reason.fault == Fault::Platform) recycled(reason.reason);
  }
}

metrics::Counter& CountExecutions::recycled(Reason reason) {
  return registry_.counter("slipway_attempts_recycled_total", "Attempts that failed and will be made again.",
                           {{"reason", std::string(to_string(reason))}});
}

void CountExecutions::on_started(const Execution& row, TimePoint started_at) {
  started_.add();
  if (row.ref.attempt == 1) queued_.observe(std::max(0.0, seconds(started_at - wanted_from(row))));
}

void CountExecutions::on_finished(const Execution& row, const store::Finish& finish, TimePoint now) {
  const auto& attempt = finish.attempt;
  if (row.started_at && attempt.finished_at) {
    const auto run = std::max(Duration{0}, *attempt.finished_at - *row.started_at);
    ran_.observe(seconds(run));
    overhead_.observe(std::max(0.0, seconds(now - wanted_from(row) - run)));
    if (row.deadline_at && *attempt.finished_at > *row.deadline_at)
      overrun_.observe(seconds(*attempt.finished_at - *row.deadline_at));
  }
  if (attempt.cpu_ms) cpu_.observe(static_cast<double>(*attempt.cpu_ms) / 1e3);
  if (attempt.peak_memory_bytes) memory_.observe(static_cast<double>(*attempt.peak_memory_bytes));
}

void CountExecutions::on_recycled(const Execution&, Reason reason) { recycled(reason).add(); }

CountEngine::CountEngine(metrics::Registry& registry)
    : registry_(registry),
      up_(registry.gauge("slipway_engine_up", "1 while the container engine answers this node.")) {
  up_.set(0);
}

void CountEngine::on_request(std::string_view op, int code, std::chrono::nanoseconds took) {
  // The silence of one request is the engine's only if nobody else had an answer meanwhile.
  const auto now = std::chrono::steady_clock::now();
  if (code != 0) answered_at_ = now;
  reachable_ = code != 0 || (answered_at_ && *answered_at_ > now - took);
  up_.set(reachable_ ? 1 : 0);
  const std::string name(op);
  registry_
      .counter("slipway_engine_requests_total", "Requests to the container engine; code 0: no answer.",
               {{"op", name}, {"code", std::to_string(code)}})
      .add();
  registry_
      .histogram("slipway_engine_request_duration_seconds", "Duration of requests to the container engine.",
                 metrics::seconds_fine(), {{"op", name}})
      .observe(seconds(took));
}

/// Every class from the start on: a first error is then a rise, which a new series is not.
CountStore::CountStore(metrics::Registry& registry) : registry_(registry) {
  using enum ErrorClass;
  for (const auto each : {Retry, Doubt, Conflict, NotFound, Invalid, Unsupported, StorageFull}) errors(each);
}

metrics::Counter& CountStore::errors(ErrorClass error_class) {
  return registry_.counter("slipway_store_errors_total",
                           "Failed database calls by what may be done about them.",
                           {{"class", to_string(error_class)}});
}

void CountStore::on_error(ErrorClass error_class) { errors(error_class).add(); }

void CountStore::on_query(std::string_view op, std::chrono::nanoseconds took) {
  registry_
      .histogram("slipway_store_query_duration_seconds", "Duration of database calls.",
                 metrics::seconds_fine(), {{"op", std::string(op)}})
      .observe(seconds(took));
}

void CountStore::on_batch(int size) {
  static const metrics::Buckets sizes = {1, 2, 4, 8, 16, 32, 64, 128, 256};
  registry_.histogram("slipway_store_batch_rows", "Transitions written by one statement.", sizes)
      .observe(size);
}

}  // namespace slipway

#include "cmd/slipwayd/probes.h"

namespace slipway {
namespace {

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

CountController::CountController(metrics::Registry& registry, const std::string& name)
    : registry_(registry),
      name_(name),
      adds_(
          registry.counter("slipway_workqueue_adds_total", "Keys added to a work queue.", {{"name", name}})),
      retries_(registry.counter("slipway_workqueue_retries_total", "Keys put back after an error.",
                                {{"name", name}})),
      depth_(registry.gauge("slipway_workqueue_depth", "Keys waiting for a worker.", {{"name", name}})),
      waited_(registry.histogram("slipway_workqueue_queue_duration_seconds",
                                 "How long a key waited for a worker.", metrics::seconds_fine(),
                                 {{"name", name}})),
      worked_(registry.histogram("slipway_workqueue_work_duration_seconds", "How long a worker had a key.",
                                 metrics::seconds_fine(), {{"name", name}})),
      took_(registry.histogram("slipway_reconcile_duration_seconds", "How long one reconcile took.",
                               metrics::seconds_fine(), {{"controller", name}})) {}

void CountController::on_add(std::size_t depth) {
  adds_.add();
  depth_.set(static_cast<double>(depth));
}

void CountController::on_take(std::size_t depth, Duration waited) {
  depth_.set(static_cast<double>(depth));
  waited_.observe(seconds(waited));
}

void CountController::on_done(const char* result, Duration took) {
  auto& counter = results_[result];
  if (!counter)
    counter = &registry_.counter("slipway_reconcile_total", "Reconciles by how they ended.",
                                 {{"controller", name_}, {"result", result}});
  counter->add();
  took_.observe(seconds(took));
  worked_.observe(seconds(took));
}

void CountController::on_retry() { retries_.add(); }

void CountExecutions::on_started(const Execution&, TimePoint) {
  registry_.counter("slipway_executions_started_total", "Containers seen to have started.").add();
}

void CountExecutions::on_finished(const Execution& row, const store::Finish& finish, TimePoint) {
  const auto& reason = row_of(finish.reason);
  registry_
      .counter("slipway_executions_finished_total", "Executions that reached a final status on this node.",
               {{"agent", row.agent},
                {"status", std::string(to_string(reason.status))},
                {"reason", std::string(reason.name)}})
      .add();
  if (finish.output)
    registry_.counter("slipway_output_bytes_total", "Bytes of stored results.")
        .add(static_cast<double>(finish.output->size()));
  const auto& attempt = finish.attempt;
  if (row.started_at && attempt.finished_at) {
    registry_
        .histogram("slipway_execution_run_seconds", "From container start to its exit.",
                   metrics::seconds_coarse())
        .observe(seconds(*attempt.finished_at - *row.started_at));
    if (row.deadline_at && *attempt.finished_at > *row.deadline_at) {
      registry_
          .histogram("slipway_execution_deadline_overrun_seconds",
                     "How long after its deadline a container still ran.", metrics::seconds_fine())
          .observe(seconds(*attempt.finished_at - *row.deadline_at));
    }
  }
  if (attempt.cpu_ms)
    registry_
        .histogram("slipway_execution_cpu_seconds", "CPU time of one attempt.", metrics::seconds_coarse())
        .observe(static_cast<double>(*attempt.cpu_ms) / 1e3);
  if (attempt.peak_memory_bytes)
    registry_
        .histogram("slipway_execution_peak_memory_bytes", "Peak memory of one attempt.",
                   metrics::bytes_coarse())
        .observe(static_cast<double>(*attempt.peak_memory_bytes));
}

void CountExecutions::on_recycled(const Execution&, Reason reason) {
  registry_
      .counter("slipway_attempts_recycled_total", "Attempts that failed and will be made again.",
               {{"reason", std::string(to_string(reason))}})
      .add();
}

void CountEngine::on_request(std::string_view op, int code, std::chrono::nanoseconds took) {
  reachable_ = code != 0;
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

void CountStore::on_error(ErrorClass error_class) {
  registry_
      .counter("slipway_store_errors_total", "Failed database calls by what may be done about them.",
               {{"class", to_string(error_class)}})
      .add();
}

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

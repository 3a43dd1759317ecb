#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "controller/controller.h"
#include "metrics/registry.h"
#include "reconcilers/execution/execution_reconciler.h"
#include "runtime/docker/engine_probe.h"
#include "store/postgres/store_probe.h"

/// Where the rooms' probes meet the registry: each counts what its room tells.
namespace slipway {

class CountController : public controller::ControllerProbe {
 public:
  CountController(metrics::Registry& registry, const std::string& name);
  void on_add(std::size_t depth) override;
  void on_take(std::size_t depth, Duration waited) override;
  void on_done(const char* result, Duration took) override;
  void on_retry() override;
  void on_drop() override;
  /// What is only known by looking, for a scrape.
  void look(const controller::Controller& loop);

 private:
  metrics::Counter& adds_;
  metrics::Counter& retries_;
  metrics::Gauge& depth_;
  metrics::Histogram& waited_;
  metrics::Histogram& worked_;
  metrics::Counter& drops_;
  metrics::Gauge& unfinished_;
  metrics::Gauge& hung_;
  metrics::Gauge& failing_;
  metrics::Histogram& took_;
  std::map<std::string, metrics::Counter*> results_;
};

class CountExecutions : public reconcilers::ExecutionProbe {
 public:
  explicit CountExecutions(metrics::Registry& registry);
  void on_started(const Execution& row, TimePoint started_at) override;
  void on_finished(const Execution& row, const store::Finish& finish, TimePoint now) override;
  void on_recycled(const Execution& row, Reason reason) override;

 private:
  metrics::Counter& recycled(Reason reason);

  metrics::Registry& registry_;
  metrics::Counter& started_;
  metrics::Histogram& queued_;
  metrics::Histogram& ran_;
  metrics::Histogram& overhead_;
  metrics::Histogram& overrun_;
  metrics::Histogram& cpu_;
  metrics::Histogram& memory_;
};

class CountEngine : public runtime::EngineProbe {
 public:
  explicit CountEngine(metrics::Registry& registry);
  void on_request(std::string_view op, int code, std::chrono::nanoseconds took) override;
  /// Whether the last request was answered, or others were while it waited.
  bool reachable() const { return reachable_; }

 private:
  metrics::Registry& registry_;
  metrics::Gauge& up_;
  bool reachable_ = false;
  std::optional<std::chrono::steady_clock::time_point> answered_at_;
};

class CountStore : public store::StoreProbe {
 public:
  explicit CountStore(metrics::Registry& registry);
  void on_error(ErrorClass error_class) override;
  void on_query(std::string_view op, std::chrono::nanoseconds took) override;
  void on_batch(int size) override;

 private:
  metrics::Counter& errors(ErrorClass error_class);
  metrics::Registry& registry_;
};

}  // namespace slipway

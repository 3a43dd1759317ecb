#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>

#include "admission/contracts.h"
#include "api/clock.h"
#include "controller/backoff.h"
#include "controller/reconciler.h"
#include "reconcilers/execution/effects.h"
#include "reconcilers/execution/execution_probe.h"
#include "reconcilers/execution/held.h"
#include "reconcilers/execution/pass.h"
#include "reconcilers/execution/recorder.h"
#include "reconcilers/node_health.h"
#include "reconcilers/node_state.h"
#include "runtime/container_runtime.h"
#include "store/store.h"

namespace slipway::reconcilers {

/// Everything the reconciler works with; each outlives it.
struct ExecutionParts {
  std::string node;
  store::Store& store;
  runtime::ContainerRuntime& runtime;
  const Clock& clock;
  const Lease& lease;
  NodeHealth& health;
  Duration start_patience{0};   ///< how long a claim may stand unstarted
  Duration engine_patience{0};  ///< how long the engine may answer about others and not about one container
  Slots& slots;
  StartGate& gate;
  ImageTable& images;
  DeadlineGuard& deadlines;
  LogFollowers& logs;
  admission::Contracts& contracts;
  const runtime::Capabilities& capabilities;
  asio::any_io_executor pool;  ///< for work that must not hold up the loop (the io executor in a simulation)
  controller::Random random;
  ExecutionProbe& probe;
  std::function<void(const std::string&)> want_image;    ///< an image key somebody waits for
  std::function<void(const EngineIdentity&)> on_engine;  ///< the engine process that answered last
};

/// Joins plan and effects for one execution: load, look, plan, record, act.
class ExecutionReconciler : public controller::Reconciler {
 public:
  explicit ExecutionReconciler(ExecutionParts parts);
  asio::awaitable<Result<controller::Outcome>> reconcile(const controller::Key& id) override;
  std::string step_of(const controller::Key& id) const override;
  /// This process has just claimed it for this attempt, so no container can be there: no pass looks for one
  /// until one has created it.
  void expect_nothing_of(const ExecutionId& id, int attempt) { held_.expect_nothing_of(id, attempt); }

 private:
  template <class T>
  using Awaitable = asio::awaitable<Result<T>>;
  using Outcome = controller::Outcome;

  Awaitable<Outcome> one_pass(const ExecutionId& id);
  Awaitable<std::optional<Pass>> begin(const ExecutionId& id);
  asio::awaitable<Next> look(Pass& pass);
  Plan plan_of(Next next, const Pass& pass);
  bool lets_in(Pass& pass, const Action& action);
  Awaitable<bool> record(Pass& pass, const Record& record);
  Awaitable<Outcome> bear(Pass& pass, Result<Outcome> outcome);
  Outcome leave(const Pass& pass, Outcome outcome);

  NodeView view_of(const Execution& row);
  void keep_watch(const Pass& pass);
  void at(const Pass& pass, const char* step) { steps_[pass.row.ref.execution] = step; }

  ExecutionParts parts_;
  Held held_;
  Recorder recorder_;
  Effects effects_;
  EngineIdentity engine_;                     ///< that answered last
  std::map<ExecutionId, const char*> steps_;  ///< what each pass is at now
};

}  // namespace slipway::reconcilers

#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <set>

#include "admission/contracts.h"
#include "api/clock.h"
#include "controller/backoff.h"
#include "controller/reconciler.h"
#include "reconcilers/execution/deadline_guard.h"
#include "reconcilers/execution/log_followers.h"
#include "reconcilers/execution/plan.h"
#include "reconcilers/execution/stage_clock.h"
#include "reconcilers/node_health.h"
#include "reconcilers/node_state.h"
#include "runtime/container_runtime.h"
#include "store/store.h"

namespace slipway::reconcilers {

/// What happened to executions, for counting. Every method has an empty body.
class ExecutionProbe {
 public:
  virtual ~ExecutionProbe() = default;
  virtual void on_started(const Execution&, TimePoint /*started_at*/) {}
  virtual void on_finished(const Execution&, const store::Finish&, TimePoint /*now*/) {}
  virtual void on_recycled(const Execution&, Reason) {}
};

/// Everything the reconciler works with; each outlives it.
struct ExecutionParts {
  std::string node;
  store::Store& store;
  runtime::ContainerRuntime& runtime;
  const Clock& clock;
  const Lease& lease;
  NodeHealth& health;
  Duration start_patience{0};  ///< how long a claim may stand unstarted
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

class GatePass;

/// Joins plan and effects for one execution: load, observe, plan, record, act. One step a pass.
class ExecutionReconciler : public controller::Reconciler {
 public:
  explicit ExecutionReconciler(ExecutionParts parts) : parts_(std::move(parts)), stays_(parts_.clock) {}
  asio::awaitable<Result<controller::Outcome>> reconcile(const controller::Key& id) override;
  std::string step_of(const controller::Key& id) const override;
  /// This process has just claimed it for this attempt, so no container can be there: no pass looks for one
  /// until one has created it.
  void expect_nothing_of(const ExecutionId& id, int attempt) { unmade_[id] = attempt; }

 private:
  template <class T>
  using Awaitable = asio::awaitable<Result<T>>;
  using Outcome = controller::Outcome;
  /// One pass over one execution: what was loaded and seen.
  struct Pass {
    Execution row;  ///< follows what the pass itself writes
    runtime::Observation seen;
    runtime::ContainerSpec spec;  ///< at Claimed: what is created, and what a created one is compared with
    std::shared_ptr<GatePass> inside;  ///< from a create to its start
    TimePoint seen_at{};               ///< when `seen` was
  };

  bool is_unmade(const Execution& row) const;
  Awaitable<Outcome> one_pass(const ExecutionId& id);
  Awaitable<bool> look(Pass& pass);
  Awaitable<Outcome> not_answered(const Pass& pass, const Error& error);
  Awaitable<Outcome> go_on(Pass pass);
  Awaitable<Outcome> carry_out(Pass pass, Plan plan);
  Awaitable<bool> write(const Pass& pass, Record& record);
  Awaitable<bool> write_once(const Pass& pass, const Record& record);
  Awaitable<bool> write_transition(const Pass& pass, const store::Transition& transition);
  Awaitable<bool> write_finish(const Pass& pass, const store::Finish& finish);
  Awaitable<bool> write_recycle(const Pass& pass, const store::Recycle& recycle);
  Awaitable<bool> write_requeue(const Pass& pass);

  Awaitable<Outcome> apply(Pass pass, const Action& action, Outcome next);
  Awaitable<Outcome> apply_create(Pass pass);
  Awaitable<Outcome> give_up(const Pass& pass, std::string why);
  Awaitable<Outcome> apply_create_failure(const Pass& pass, const Error& error);
  Awaitable<Outcome> apply_start(Pass pass);
  Awaitable<Outcome> apply_doubt(const Pass& pass);
  Awaitable<Outcome> apply_signal(const Pass& pass, runtime::Signal signal, Outcome next);
  Awaitable<Outcome> apply_collect(const Pass& pass);
  Awaitable<Evidence> collect(const Pass& pass);
  Awaitable<Outcome> apply_remove(const Pass& pass);

  NodeView view_of(const Execution& row);
  std::string image_key(const Execution& row) const;
  void keep_watch(const Pass& pass);
  void let_go(const ExecutionId& id);

  ExecutionParts parts_;
  EngineIdentity engine_;  ///< that answered last
  std::set<ClaimId> term_sent_;
  std::map<ExecutionId, const char*> steps_;  ///< what each pass is at now
  StageClock stays_;
  std::map<ExecutionId, int> unmade_;  ///< attempts for which nothing was asked of the engine yet
};

}  // namespace slipway::reconcilers

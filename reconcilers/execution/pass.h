#pragma once

#include <memory>
#include <variant>

#include "api/execution.h"
#include "controller/reconciler.h"
#include "reconcilers/execution/plan.h"
#include "reconcilers/node_state.h"
#include "runtime/container_runtime.h"

namespace slipway::reconcilers {

/// A place behind the gate; left when the effect is over, however it ended.
class GatePass {
 public:
  explicit GatePass(StartGate& gate) : gate_(&gate) {}
  GatePass(const GatePass&) = delete;
  GatePass& operator=(const GatePass&) = delete;
  ~GatePass() { gate_->leave(); }

 private:
  StartGate* gate_;
};

/// One pass over one execution: what was loaded and seen.
struct Pass {
  Execution row;  ///< follows what the pass itself writes
  runtime::Observation seen = {};
  bool looked = false;               ///< `seen` is an answer of the engine, or proven
  TimePoint seen_at = {};            ///< when that was
  runtime::ContainerSpec spec = {};  ///< at Claimed: what is created, and what a created one is compared with
  std::unique_ptr<GatePass> inside = {};  ///< from a create to its start
};

/// What a pass goes on with after an effect.
struct LookAgain {};  ///< the container is another than `seen`
struct PlanAgain {};  ///< row and `seen` are as they stand
/// Nothing has come of it, and nobody of ours can hurry it.
struct Unmoved {
  Result<controller::Outcome> outcome;
};
using Next = std::variant<controller::Outcome, Plan, LookAgain, PlanAgain, Unmoved>;

}  // namespace slipway::reconcilers

#pragma once

#include <functional>

#include "api/clock.h"
#include "controller/reconciler.h"
#include "reconcilers/node_state.h"
#include "runtime/container_runtime.h"
#include "store/store.h"

namespace slipway::reconcilers {

/// Keeps this node's lease and learns the operator's wishes and the database's time. One key, kKey.
class NodeReconciler : public controller::Reconciler {
 public:
  inline static const controller::Key kKey = "heartbeat";

  struct Hooks {
    std::function<store::NodeReport()> report;  ///< what to say of this node now
    /// The database's clock as the heartbeat read it, and how long asking took.
    std::function<void(TimePoint database_now, Duration round_trip)> on_time;
    std::function<void()> on_wishes_changed;  ///< cordoned, draining, or no longer
    std::function<void()> on_taken_over;      ///< another process has our name: end this one
    std::function<void()> on_lease_lost;      ///< counted once per loss
  };

  NodeReconciler(store::Store& store, const Clock& clock, Lease& lease, Duration term, Hooks hooks)
      : store_(store), clock_(clock), lease_(lease), term_(term), hooks_(std::move(hooks)) {}

  asio::awaitable<Result<controller::Outcome>> reconcile(const controller::Key& key) override;

 private:
  store::Store& store_;
  const Clock& clock_;
  Lease& lease_;
  Duration term_;
  Hooks hooks_;
  bool was_held_ = false;
};

}  // namespace slipway::reconcilers

#pragma once

#include "api/clock.h"
#include "controller/reconciler.h"
#include "reconcilers/node_state.h"
#include "store/store.h"

namespace slipway::reconcilers {

/// Takes work: first decisions for new rows, then as many claims as there are free slots. One key, kKey;
/// waiting rows are never keys of their own.
class Claimer : public controller::Reconciler {
 public:
  inline static const controller::Key kKey = "claim";

  struct Hooks {
    std::function<void(const ExecutionId&)>
        on_claimed;  ///< the execution now holds a slot and wants to be reconciled
  };

  Claimer(store::Store& store, const Clock& clock, const Lease& lease, Slots& slots, Hooks hooks)
      : store_(store), clock_(clock), lease_(lease), slots_(slots), hooks_(std::move(hooks)) {}

  asio::awaitable<Result<controller::Outcome>> reconcile(const controller::Key& key) override;

 private:
  asio::awaitable<Result<int>> decide();
  asio::awaitable<Result<int>> claim();
  asio::awaitable<Result<controller::Outcome>> go_idle();

  store::Store& store_;
  const Clock& clock_;
  const Lease& lease_;
  Slots& slots_;
  Hooks hooks_;
  int idle_polls_ = 0;
  bool doorbell_on_ = false;
  Duration busy_since_{0};
};

}  // namespace slipway::reconcilers

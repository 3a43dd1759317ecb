#pragma once

#include "api/clock.h"
#include "controller/reconciler.h"
#include "store/store.h"

namespace slipway::reconcilers {

namespace asio = boost::asio;

/// Folds the outcomes of finished executions into the totals per agent. One key, kKey; a full batch is
/// followed by another at once.
class StatisticsReconciler : public controller::Reconciler {
 public:
  inline static const controller::Key kKey = "statistics";

  StatisticsReconciler(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  asio::awaitable<Result<controller::Outcome>> reconcile(const controller::Key& key) override;

 private:
  store::Store& store_;
  const Clock& clock_;
};

}  // namespace slipway::reconcilers

#pragma once

#include <functional>

#include "api/clock.h"
#include "controller/reconciler.h"
#include "store/store.h"

namespace slipway::reconcilers {

namespace asio = boost::asio;

/// Folds the outcomes of finished executions into the totals per agent, and reads the cluster's totals for
/// the metrics. One key, kKey; a full batch is followed by another at once.
class StatisticsReconciler : public controller::Reconciler {
 public:
  inline static const controller::Key kKey = "statistics";

  struct Hooks {
    /// The cluster's totals, to be told until then (monotonic), or that another node tells them. At most a
    /// few times a minute.
    std::function<void(store::Totals, Duration until)> on_totals;
  };

  StatisticsReconciler(store::Store& store, const Clock& clock, Hooks hooks)
      : store_(store), clock_(clock), hooks_(std::move(hooks)) {}
  asio::awaitable<Result<controller::Outcome>> reconcile(const controller::Key& key) override;

 private:
  asio::awaitable<Result<void>> read();

  store::Store& store_;
  const Clock& clock_;
  Hooks hooks_;
  Duration read_again_{0};
  Duration read_took_{0};
  bool fold_ = true;  ///< something may be there to fold
};

}  // namespace slipway::reconcilers

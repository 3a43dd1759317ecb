#pragma once

#include "api/clock.h"
#include "controller/reconciler.h"
#include "store/store.h"

namespace slipway::reconcilers {

namespace asio = boost::asio;

/// Removes finished rows past their retention; ledgers stay. One key, kKey; a full batch is followed by
/// another at once.
class RetentionReconciler : public controller::Reconciler {
 public:
  inline static const controller::Key kKey = "retention";

  RetentionReconciler(store::Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  asio::awaitable<Result<controller::Outcome>> reconcile(const controller::Key& key) override;

 private:
  store::Store& store_;
  const Clock& clock_;
};

}  // namespace slipway::reconcilers

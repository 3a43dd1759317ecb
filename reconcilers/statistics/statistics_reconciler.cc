#include "reconcilers/statistics/statistics_reconciler.h"

namespace slipway::reconcilers {
namespace {

constexpr int kBatch = 1000;
constexpr auto kPeriod = std::chrono::seconds(5);

}  // namespace

asio::awaitable<Result<controller::Outcome>> StatisticsReconciler::reconcile(const controller::Key&) {
  const auto done = co_await store_.fold_outcomes(kBatch);
  if (!done) co_return done.error();
  if (*done == kBatch) co_return controller::Outcome{controller::Again{}};
  co_return controller::Outcome{controller::WakeAt{clock_.now() + kPeriod}};
}

}  // namespace slipway::reconcilers

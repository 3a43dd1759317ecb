#include "reconcilers/statistics/statistics_reconciler.h"

#include <algorithm>

namespace slipway::reconcilers {
namespace {

using namespace std::chrono_literals;

constexpr int kBatch = 1000;
constexpr auto kFoldPeriod = 5s;
constexpr Duration kReadPeriod = 20s;
// A read that took long, among very many waiting rows, is made the more seldom: at most 2 % of the time.
constexpr int kRest = 50;
// Timers are not exact: what comes this much early is in time.
constexpr Duration kSlack = 1s;
// A word outlasts two reads that failed.
constexpr int kTerms = 3;

}  // namespace

asio::awaitable<Result<controller::Outcome>> StatisticsReconciler::reconcile(const controller::Key&) {
  if (clock_.monotonic() >= read_again_) {
    const auto done = co_await read();
    if (!done) co_return done.error();
  }
  if (fold_) {
    const auto done = co_await store_.fold_outcomes(kBatch);
    if (!done) co_return done.error();
    if (*done == kBatch) co_return controller::Outcome{controller::Again{}};
    fold_ = *done > 0;
  }
  const auto period = fold_ ? kFoldPeriod : kReadPeriod;
  co_return controller::Outcome{controller::WakeAt{clock_.now() + period}};
}

asio::awaitable<Result<void>> StatisticsReconciler::read() {
  const auto asked = clock_.monotonic();
  const auto period = std::max(kReadPeriod, read_took_ * kRest);
  auto totals = co_await store_.read_totals(period * kTerms);
  if (!totals) co_return totals.error();
  read_took_ = clock_.monotonic() - asked;
  // From when it was asked, so that it is over here before it is over there.
  read_again_ = asked + std::max(kReadPeriod, read_took_ * kRest) - kSlack;
  fold_ = fold_ || totals->unfolded > 0;
  hooks_.on_totals(std::move(*totals), asked + period * kTerms);
  co_return Result<void>{};
}

}  // namespace slipway::reconcilers

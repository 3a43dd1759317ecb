#include "reconcilers/retention/retention_reconciler.h"

#include "logging/log.h"

namespace slipway::reconcilers {
namespace {

constexpr int kBatch = 1000;
constexpr auto kPeriod = std::chrono::seconds(60);
constexpr auto kIdlePeriod = std::chrono::seconds(300);  // nothing was found the last time

}  // namespace

asio::awaitable<Result<controller::Outcome>> RetentionReconciler::reconcile(const controller::Key&) {
  const auto wrong = co_await store_.recount_usage();
  if (!wrong) co_return wrong.error();
  if (*wrong > 0)
    logging::warn("users' counts were not what the rows say, and are set right",
                  {{"users", std::to_string(*wrong)}});
  const auto done = co_await store_.retire(kBatch);
  if (!done) co_return done.error();
  if (*done == kBatch) co_return controller::Outcome{controller::Again{}};
  co_return controller::Outcome{controller::WakeAt{clock_.now() + (*done > 0 ? kPeriod : kIdlePeriod)}};
}

}  // namespace slipway::reconcilers

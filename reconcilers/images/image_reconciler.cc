#include "reconcilers/images/image_reconciler.h"

#include "logging/log.h"

// A refusal or failure stands for a few seconds and is then forgotten: the next execution looks again, so an
// image that was pushed meanwhile is found. Failures of the registry are tried three times before anybody is
// told.
namespace slipway::reconcilers {
namespace {

using controller::Converged;
using controller::Outcome;
using controller::WakeAt;

constexpr int kPullAttempts = 3;
constexpr auto kAnswerStands = std::chrono::seconds(5);

}  // namespace

asio::awaitable<Result<Outcome>> ImageReconciler::reconcile(const controller::Key& key) {
  if (const auto found = attempts_.find(key);
      found != attempts_.end() && found->second.forget_at != TimePoint{}) {
    const bool told = clock_.now() < found->second.forget_at;
    if (told) co_return answer(key, found->second.told);
    attempts_.erase(found);
    images_.forget(key);
    if (!images_.wanted(key)) co_return Outcome{Converged{}};
  }
  const auto [image, policy] = ImageTable::split(key);
  const auto began = clock_.monotonic();
  images_.set_fetching(key, true);
  const auto pulled = co_await runtime_.pull(image, policy);
  images_.set_fetching(key, false);
  if (!pulled) co_return pulled.error();  // the engine is away
  hooks_.on_pull(pulled->image.has_value(), clock_.monotonic() - began);
  if (!pulled->image) co_return settle_failure(key, *pulled);
  attempts_.erase(key);
  const auto& refusal = pulled->image->not_allowed;
  co_return answer(key, refusal.empty() ? ImageView{ImageView::State::Present, pulled->image->id, {}}
                                        : ImageView{ImageView::State::NotAllowed, {}, refusal});
}

Outcome ImageReconciler::answer(const controller::Key& key, ImageView view) {
  const bool good = view.state == ImageView::State::Present;
  for (const auto& waiter : images_.answer(key, view)) hooks_.on_answer(waiter);
  if (good) return Converged{};
  auto& attempts = attempts_[key];
  attempts.told = std::move(view);
  if (attempts.forget_at == TimePoint{}) attempts.forget_at = clock_.now() + kAnswerStands;
  return WakeAt{attempts.forget_at};
}

Result<Outcome> ImageReconciler::settle_failure(const controller::Key& key,
                                                const runtime::PullResult& pulled) {
  switch (pulled.failure) {
    case runtime::PullFailure::NotFound:
      return answer(key, {ImageView::State::NotFound, {}, pulled.detail});
    case runtime::PullFailure::Failed:
      break;
  }
  if (++attempts_[key].failed < kPullAttempts) return Error{ErrorClass::Retry, pulled.detail};
  return answer(key, {ImageView::State::Failed, {}, pulled.detail});
}

}  // namespace slipway::reconcilers

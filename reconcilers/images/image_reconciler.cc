#include "reconcilers/images/image_reconciler.h"

#include "api/image_reference.h"
#include "logging/log.h"

// A refusal or failure stands for a few seconds and is then forgotten: the next execution looks again, so an
// image that was pushed meanwhile is found. Whatever is neither a yes nor a no, a time-out too, is tried
// three times before anybody is told; while the engine answers nobody, nothing is counted.
namespace slipway::reconcilers {
namespace {

using controller::Converged;
using controller::Outcome;
using controller::WakeAt;

constexpr int kAttempts = 3;
constexpr auto kAnswerStands = std::chrono::seconds(5);
// A registry that accepts and never answers holds these, and no other registry's.
constexpr int kShareOfOneRegistry = 4;
constexpr auto kSharePause = std::chrono::milliseconds(500);

std::string registry_of(const std::string& image) {
  const auto reference = parse_image_reference(image);
  return reference ? reference->domain : "";
}

}  // namespace

std::optional<Outcome> ImageReconciler::told(const controller::Key& key) {
  if (const auto found = attempts_.find(key);
      found != attempts_.end() && found->second.forget_at != TimePoint{}) {
    if (clock_.now() < found->second.forget_at) return answer(key, found->second.told);
    attempts_.erase(found);
    images_.forget(key);
  }
  if (images_.wanted(key)) return std::nullopt;
  attempts_.erase(key);
  return Converged{};
}

asio::awaitable<Result<Outcome>> ImageReconciler::reconcile(const controller::Key& key) {
  if (auto known = told(key)) co_return *std::move(known);
  const auto [image, policy] = ImageTable::split(key);
  if (policy != ImagePullPolicy::Always) {
    const auto looked = co_await runtime_.pull(image, ImagePullPolicy::Never);
    if (!looked && !health_.engine_answers()) co_return looked.error();
    if (!looked) co_return count_failure(key, looked.error().message);
    if (looked->image) co_return answer_with(key, *looked->image);
    if (looked->failure == runtime::PullFailure::Failed) co_return count_failure(key, looked->detail);
    if (policy == ImagePullPolicy::Never)
      co_return answer(key, {ImageView::State::NotFound, {}, looked->detail});
  }
  hooks_.on_not_there(key);
  co_return Outcome{Converged{}};
}

asio::awaitable<Result<Outcome>> ImageReconciler::fetch(const controller::Key& key) {
  if (auto known = told(key)) co_return *std::move(known);
  const auto [image, policy] = ImageTable::split(key);
  const auto registry = registry_of(image);
  if (fetching_from_[registry] >= kShareOfOneRegistry) co_return Outcome{WakeAt{clock_.now() + kSharePause}};
  const auto began = clock_.monotonic();
  ++fetching_from_[registry];
  images_.set_fetching(key, true);
  const auto pulled = co_await runtime_.pull(image, policy);
  images_.set_fetching(key, false);
  if (--fetching_from_[registry] == 0) fetching_from_.erase(registry);
  if (!pulled && !health_.engine_answers()) co_return pulled.error();
  hooks_.on_pull(pulled && pulled->image, clock_.monotonic() - began);
  if (!pulled) co_return count_failure(key, pulled.error().message);
  if (pulled->image) co_return answer_with(key, *pulled->image);
  if (pulled->failure == runtime::PullFailure::Failed) co_return count_failure(key, pulled->detail);
  co_return answer(key, {ImageView::State::NotFound, {}, pulled->detail});
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

Outcome ImageReconciler::answer_with(const controller::Key& key, const runtime::ImageInfo& image) {
  attempts_.erase(key);
  const auto& refusal = image.not_allowed;
  return answer(key, refusal.empty() ? ImageView{ImageView::State::Present, image.id, {}}
                                     : ImageView{ImageView::State::NotAllowed, {}, refusal});
}

Result<Outcome> ImageReconciler::count_failure(const controller::Key& key, const std::string& detail) {
  if (++attempts_[key].failed < kAttempts) return Error{ErrorClass::Retry, detail};
  return answer(key, {ImageView::State::Failed, {}, detail});
}

}  // namespace slipway::reconcilers

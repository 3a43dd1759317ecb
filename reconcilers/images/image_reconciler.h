#pragma once

#include <functional>
#include <map>
#include <optional>

#include "api/clock.h"
#include "controller/reconciler.h"
#include "reconcilers/node_health.h"
#include "reconcilers/node_state.h"
#include "runtime/container_runtime.h"

namespace slipway::reconcilers {

/// Makes images present, in two lanes with a controller each, so that no look at what is there waits behind a
/// registry: reconcile() looks, fetch() pulls. A key is ImageTable::key_of(image, policy); one look and one
/// pull per image at a time is the controllers' doing, since one key has one worker.
class ImageReconciler : public controller::Reconciler {
 public:
  struct Hooks {
    std::function<void(const ExecutionId&)> on_answer;         ///< an execution that waited may go on
    std::function<void(bool ok, Duration took)> on_pull;       ///< for counting
    std::function<void(const controller::Key&)> on_not_there;  ///< it is to be fetched
  };

  ImageReconciler(runtime::ContainerRuntime& runtime, const Clock& clock, ImageTable& images,
                  const NodeHealth& health, Hooks hooks)
      : runtime_(runtime), clock_(clock), images_(images), health_(health), hooks_(std::move(hooks)) {}

  asio::awaitable<Result<controller::Outcome>> reconcile(const controller::Key& key) override;
  asio::awaitable<Result<controller::Outcome>> fetch(const controller::Key& key);

 private:
  struct Attempts {
    int failed = 0;
    TimePoint forget_at;  ///< a refusal is told until then, so that a crowd of waiters costs one look
    ImageView told;  ///< that refusal: under Always the table shows it to nobody who has not waited for it
  };
  std::optional<controller::Outcome> told(const controller::Key& key);
  controller::Outcome answer(const controller::Key& key, ImageView view);
  controller::Outcome answer_with(const controller::Key& key, const runtime::ImageInfo& image);
  Result<controller::Outcome> count_failure(const controller::Key& key, const std::string& detail);

  runtime::ContainerRuntime& runtime_;
  const Clock& clock_;
  ImageTable& images_;
  const NodeHealth& health_;
  Hooks hooks_;
  std::map<controller::Key, Attempts> attempts_;
  std::map<std::string, int> fetching_from_;  ///< registry → pulls under way
};

/// The lane of pulls.
class ImageFetcher : public controller::Reconciler {
 public:
  explicit ImageFetcher(ImageReconciler& images) : images_(images) {}
  asio::awaitable<Result<controller::Outcome>> reconcile(const controller::Key& key) override {
    return images_.fetch(key);
  }

 private:
  ImageReconciler& images_;
};

}  // namespace slipway::reconcilers

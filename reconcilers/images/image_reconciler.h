#pragma once

#include <functional>
#include <map>

#include "api/clock.h"
#include "controller/reconciler.h"
#include "reconcilers/node_state.h"
#include "runtime/container_runtime.h"

namespace slipway::reconcilers {

/// Makes images present. A key is ImageTable::key_of(image, policy); one pull per image at a time is the
/// controller's doing, since one key has one worker.
class ImageReconciler : public controller::Reconciler {
 public:
  struct Hooks {
    std::function<void(const ExecutionId&)> on_answer;    ///< an execution that waited may go on
    std::function<void(bool ok, Duration took)> on_pull;  ///< for counting
  };

  ImageReconciler(runtime::ContainerRuntime& runtime, const Clock& clock, ImageTable& images, Hooks hooks)
      : runtime_(runtime), clock_(clock), images_(images), hooks_(std::move(hooks)) {}

  asio::awaitable<Result<controller::Outcome>> reconcile(const controller::Key& key) override;

 private:
  struct Attempts {
    int failed = 0;
    TimePoint forget_at;  ///< a refusal is told until then, so that a crowd of waiters costs one look
    ImageView told;  ///< that refusal: under Always the table shows it to nobody who has not waited for it
  };
  controller::Outcome answer(const controller::Key& key, ImageView view);
  Result<controller::Outcome> settle_failure(const controller::Key& key, const runtime::PullResult& pulled);

  runtime::ContainerRuntime& runtime_;
  const Clock& clock_;
  ImageTable& images_;
  Hooks hooks_;
  std::map<controller::Key, Attempts> attempts_;
};

}  // namespace slipway::reconcilers

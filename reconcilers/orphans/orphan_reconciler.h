#pragma once

#include <functional>
#include <map>

#include "api/clock.h"
#include "controller/reconciler.h"
#include "reconcilers/node_state.h"
#include "runtime/container_runtime.h"
#include "store/store.h"

namespace slipway::reconcilers {

/// Walks both lists: every owned row and every container is looked at again, and what no row stands behind is
/// removed. Notifications and events only make things happen sooner than this does. One key, kKey.
class OrphanReconciler : public controller::Reconciler {
 public:
  inline static const controller::Key kKey = "resync";

  struct Hooks {
    std::function<void(const ExecutionId&)> on_execution;  ///< look at this execution
    std::function<void(int)> on_orphans;                   ///< how many were found this time
  };

  OrphanReconciler(store::Store& store, runtime::ContainerRuntime& runtime, const Clock& clock,
                   std::string node, Duration period, Hooks hooks)
      : store_(store),
        runtime_(runtime),
        clock_(clock),
        node_(std::move(node)),
        period_(period),
        hooks_(std::move(hooks)) {}

  asio::awaitable<Result<controller::Outcome>> reconcile(const controller::Key& key) override;

 private:
  asio::awaitable<Result<void>> walk_rows();
  asio::awaitable<Result<int>> walk_containers();
  asio::awaitable<Result<bool>> is_orphan(const runtime::Listed& listed, const std::set<ClaimId>& live);

  store::Store& store_;
  runtime::ContainerRuntime& runtime_;
  const Clock& clock_;
  std::string node_;
  Duration period_;
  Hooks hooks_;
};

}  // namespace slipway::reconcilers

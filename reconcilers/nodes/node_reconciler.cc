#include "reconcilers/nodes/node_reconciler.h"

#include "logging/log.h"

namespace slipway::reconcilers {

using controller::Outcome;
using controller::WakeAt;

asio::awaitable<Result<Outcome>> NodeReconciler::reconcile(const controller::Key&) {
  if (was_held_ && !lease_.held()) {
    was_held_ = false;
    logging::warn("the node's lease has run out: nothing is claimed or started until the database answers");
    hooks_.on_lease_lost();
  }
  const auto sent_at = clock_.monotonic();
  const auto state = co_await store_.heartbeat(hooks_.report());
  if (!state) {
    if (state.error().error_class == ErrorClass::Conflict) hooks_.on_taken_over();
    co_return state.error();
  }
  lease_.renew(sent_at + term_);
  was_held_ = true;
  hooks_.on_time(state->database_now, clock_.monotonic() - sent_at);
  const bool cordoned = state->cordoned || state->draining;
  const bool changed = cordoned != lease_.cordoned() || state->draining != lease_.draining();
  lease_.set_wishes(state->cordoned, state->draining);
  if (changed) hooks_.on_wishes_changed();
  co_return Outcome{WakeAt{clock_.now() + term_ * 2 / 5}};
}

}  // namespace slipway::reconcilers

#include "controller/timers.h"

namespace slipway::controller {

Timers::Id AsioTimers::call_at(Duration at, std::function<void()> callback) {
  const Id id = ++last_id_;
  const bool soonest = pending_.empty() || at < pending_.begin()->first.first;
  pending_.emplace(Due{at, id}, std::move(callback));
  due_of_.emplace(id, at);
  if (soonest) arm();
  return id;
}

void AsioTimers::cancel(Id id) {
  const auto found = due_of_.find(id);
  if (found == due_of_.end()) return;
  pending_.erase(Due{found->second, id});
  due_of_.erase(found);
}

void AsioTimers::arm() {
  if (pending_.empty()) return;
  timer_.expires_after(std::max(pending_.begin()->first.first - clock_.monotonic(), Duration{0}));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) fire();
  });
}

void AsioTimers::fire() {
  const auto now = clock_.monotonic();
  while (!pending_.empty() && pending_.begin()->first.first <= now) {
    auto node = pending_.extract(pending_.begin());
    due_of_.erase(node.key().second);
    node.mapped()();
  }
  arm();
}

}  // namespace slipway::controller

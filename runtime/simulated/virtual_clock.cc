#include "runtime/simulated/virtual_clock.h"

#include <algorithm>

namespace slipway::runtime {

VirtualClock::TimerId VirtualClock::at(TimePoint due, std::function<void()> callback) {
  const auto id = next_id_++;
  timers_.emplace(std::pair(std::max(due, now_), id), std::move(callback));
  return id;
}

void VirtualClock::cancel(TimerId id) {
  std::erase_if(timers_, [&](const auto& timer) { return timer.first.second == id; });
}

std::optional<TimePoint> VirtualClock::next_due() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

void VirtualClock::advance_to(TimePoint to) {
  while (!timers_.empty() && timers_.begin()->first.first <= to) {
    auto timer = timers_.extract(timers_.begin());
    now_ = timer.key().first;
    timer.mapped()();
  }
  now_ = std::max(now_, to);
}

}  // namespace slipway::runtime

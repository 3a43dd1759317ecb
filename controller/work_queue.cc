#include "controller/work_queue.h"

namespace slipway::controller {

WorkQueue::Added WorkQueue::add(const Key& key, Duration now) {
  if (dirty_.contains(key)) return Added::Waiting;
  const bool with_a_worker = processing_.contains(key);  // of these there are as many as workers
  if (!with_a_worker && order_.size() >= cap_) return Added::Full;
  dirty_.emplace(key, now);
  if (!with_a_worker) order_.push_back(key);
  return Added::Yes;
}

std::optional<WorkQueue::Taken> WorkQueue::take(Duration now) {
  if (order_.empty()) return std::nullopt;
  Taken taken{std::move(order_.front()), {}};
  order_.pop_front();
  const auto since = dirty_.find(taken.key);
  taken.waited = now - since->second;
  dirty_.erase(since);
  processing_.emplace(taken.key, now);
  return taken;
}

bool WorkQueue::done(const Key& key, Duration now) {
  processing_.erase(key);
  const auto again = dirty_.find(key);
  if (again == dirty_.end()) return false;
  again->second = now;
  order_.push_back(key);
  return true;
}

Duration WorkQueue::unfinished(Duration now) const {
  Duration sum{0};
  for (const auto& [key, since] : processing_) sum += now - since;
  return sum;
}

}  // namespace slipway::controller

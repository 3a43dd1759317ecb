#include "reconcilers/node_state.h"

namespace slipway::reconcilers {

bool holds_slot(Stage stage) {
  switch (stage) {
    case Stage::Claimed:
    case Stage::Launching:
    case Stage::Running:
    case Stage::Stopping:
      return true;
    case Stage::New:
    case Stage::Deferred:
    case Stage::Queued:
    case Stage::Recycling:
    case Stage::Finished:
    case Stage::Cleaned:
      return false;
  }
  return false;
}

bool StartGate::enter(const ExecutionId& id) {
  if (inside_ < width_) {
    ++inside_;
    if (const auto ticket = ticket_of_.find(id); ticket != ticket_of_.end()) {
      waiting_.erase(ticket->second);
      ticket_of_.erase(ticket);
    }
    return true;
  }
  if (ticket_of_.emplace(id, last_ticket_ + 1).second) waiting_.emplace(++last_ticket_, id);
  return false;
}

void StartGate::leave() {
  --inside_;
  call_next();
}

void StartGate::withdraw(const ExecutionId& id) {
  const auto ticket = ticket_of_.find(id);
  if (ticket == ticket_of_.end()) return;
  waiting_.erase(ticket->second);
  ticket_of_.erase(ticket);
  call_next();
}

/// Calls as many as there is room for. They are called, not let in, and keep their place until they enter or
/// withdraw.
void StartGate::call_next() {
  int room = width_ - inside_;
  for (auto waiter = waiting_.begin(); waiter != waiting_.end() && room > 0; ++waiter, --room)
    on_turn_(waiter->second);
}

std::string ImageTable::key_of(const std::string& image, ImagePullPolicy policy) {
  switch (policy) {
    case ImagePullPolicy::IfNotPresent:
      return "IfNotPresent " + image;
    case ImagePullPolicy::Always:
      return "Always " + image;
    case ImagePullPolicy::Never:
      return "Never " + image;
  }
  return image;
}

std::pair<std::string, ImagePullPolicy> ImageTable::split(const std::string& key) {
  const auto space = key.find(' ');
  const auto policy = key.substr(0, space);
  return {key.substr(space + 1), policy == "Always"  ? ImagePullPolicy::Always
                                 : policy == "Never" ? ImagePullPolicy::Never
                                                     : ImagePullPolicy::IfNotPresent};
}

bool ImageTable::is_fresh(const Entry& entry) const {
  constexpr auto kStands = std::chrono::seconds(2);
  return entry.answered_at && clock_.monotonic() - *entry.answered_at < kStands;
}

ImageView ImageTable::view(const std::string& key, const ExecutionId& execution) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return {};
  auto& entry = found->second;
  if (!entry.served.contains(execution)) {
    if (split(key).second == ImagePullPolicy::Always || !is_fresh(entry)) return {};
    entry.served.insert(execution);
  }
  if (entry.view.state == ImageView::State::Present && is_quarantined(entry.view.id))
    return {ImageView::State::NotAllowed, {}, "two starts from this image were never answered on this node"};
  return entry.view;
}

void ImageTable::started(const std::string& image_id, TimePoint now) {
  if (last_started_.first != image_id) last_started_of_another_ = last_started_;
  last_started_ = {image_id, now};
}

void ImageTable::lost_start(const std::string& image_id, TimePoint intent) {
  const auto& other = last_started_.first == image_id ? last_started_of_another_ : last_started_;
  if (other.second > intent) ++lost_starts_[image_id];
}

bool ImageTable::is_quarantined(const std::string& image_id) const {
  constexpr int kLostStarts = 2;
  const auto found = lost_starts_.find(image_id);
  return found != lost_starts_.end() && found->second >= kLostStarts;
}

std::vector<std::string> ImageTable::quarantined() const {
  std::vector<std::string> ids;
  for (const auto& [id, count] : lost_starts_)
    if (is_quarantined(id)) ids.push_back(id);
  return ids;
}

std::set<ExecutionId> ImageTable::answer(const std::string& key, ImageView view) {
  auto& entry = entries_[key];
  entry.view = std::move(view);
  entry.answered_at = clock_.monotonic();
  entry.served.insert(entry.waiters.begin(), entry.waiters.end());
  return std::exchange(entry.waiters, {});
}

bool ImageTable::wanted(const std::string& key) const {
  const auto found = entries_.find(key);
  return found != entries_.end() && !found->second.waiters.empty();
}

void ImageTable::forget(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  found->second.view = {};
  found->second.answered_at.reset();
  found->second.served.clear();
  if (found->second.waiters.empty()) entries_.erase(found);
}

void ImageTable::release(const ExecutionId& execution) {
  for (auto item = entries_.begin(); item != entries_.end();) {
    auto& entry = item->second;
    entry.waiters.erase(execution);
    entry.served.erase(execution);
    const bool idle = entry.waiters.empty() && entry.served.empty() && !is_fresh(entry);
    item = idle ? entries_.erase(item) : std::next(item);
  }
}

}  // namespace slipway::reconcilers

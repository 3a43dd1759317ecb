#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "api/agent.h"
#include "api/clock.h"
#include "api/execution.h"
#include "reconcilers/node_view.h"
#include "runtime/container_runtime.h"

/// What one node's reconcilers share in memory. All of it can be rebuilt from the two lists; none of it is
/// the truth.
namespace slipway::reconcilers {

namespace asio = boost::asio;

/// The lease and the operator's wishes, as the last heartbeat told them.
class Lease {
 public:
  explicit Lease(const Clock& clock) : clock_(clock) {}
  /// Measured on the monotonic clock from before the heartbeat was sent, and asked at the moment of use: a
  /// process that was stopped past its lease finds it gone at its very next step.
  bool held() const { return clock_.monotonic() < held_until_; }
  void renew(Duration until) { held_until_ = until; }
  void set_wishes(bool cordoned, bool draining) { cordoned_ = cordoned, draining_ = draining; }
  bool cordoned() const { return cordoned_ || draining_; }
  bool draining() const { return draining_; }

 private:
  const Clock& clock_;
  Duration held_until_{0};
  bool cordoned_ = false;
  bool draining_ = false;
};

/// From the claim to the end of the attempt.
bool holds_slot(Stage stage);

/// Which executions hold one of the node's slots.
class Slots {
 public:
  Slots(int capacity, std::function<void()> on_free) : capacity_(capacity), on_free_(std::move(on_free)) {}
  int capacity() const { return capacity_; }
  /// Those lost among them: what is in there could not be proven gone.
  int used() const { return static_cast<int>(held_.size() + lost_.size()); }
  int lost() const { return static_cast<int>(lost_.size()); }
  int free() const { return std::max(0, capacity_ - used()); }
  bool holds(const ExecutionId& id) const { return held_.contains(id); }
  void hold(const ExecutionId& id) { held_.insert(id); }
  void release(const ExecutionId& id) {
    if (held_.erase(id) > 0 && on_free_) on_free_();
  }
  /// Its execution has ended for the user, its container may still be there.
  void lose(const ExecutionId& id) {
    held_.erase(id);
    lost_.insert(id);
  }
  void found_gone(const ExecutionId& id) {
    if (lost_.erase(id) > 0 && on_free_) on_free_();
  }

 private:
  int capacity_;
  std::function<void()> on_free_;
  std::unordered_set<ExecutionId> held_, lost_;
};

/// Bounds how many creates and starts are under way: beyond about twice the cores more only adds latency.
class StartGate {
 public:
  StartGate(int width, std::function<void(const ExecutionId&)> on_turn)
      : width_(width), on_turn_(std::move(on_turn)) {}
  /// false: full; `on_turn` is called for this id when its turn has come.
  bool enter(const ExecutionId& id);
  void leave();
  /// No wish to enter any more.
  void withdraw(const ExecutionId& id);

 private:
  void call_next();

  int width_;
  int inside_ = 0;
  std::function<void(const ExecutionId&)> on_turn_;
  std::map<std::uint64_t, ExecutionId> waiting_;
  std::map<ExecutionId, std::uint64_t> ticket_of_;
  std::uint64_t last_ticket_ = 0;
};

/// What is known of images, and who waits for one. Filled by the image reconciler.
///
/// An answer serves who waited for it, for as long as they need it; and, unless each is to have one of its
/// own (Always), who comes within two seconds: a tag may be moved at any time, and the next execution runs
/// what it stands for then.
class ImageTable {
 public:
  explicit ImageTable(const Clock& clock) : clock_(clock) {}

  /// (image, pull policy) as one key of the image controller.
  static std::string key_of(const std::string& image, ImagePullPolicy policy);
  static std::pair<std::string, ImagePullPolicy> split(const std::string& key);

  ImageView view(const std::string& key, const ExecutionId& execution);
  void wait(const std::string& key, const ExecutionId& waiter) { entries_[key].waiters.insert(waiter); }
  /// Sets the answer and hands over who waited for it.
  std::set<ExecutionId> answer(const std::string& key, ImageView view);
  bool wanted(const std::string& key) const;
  /// A fetch is under way, which is bounded by itself.
  void set_fetching(const std::string& key, bool fetching) {
    fetching ? static_cast<void>(fetching_.insert(key)) : static_cast<void>(fetching_.erase(key));
  }
  bool is_fetching(const std::string& key) const { return fetching_.contains(key); }
  /// The answer is out of date (the image was removed, or a failure has been told long enough).
  void forget(const std::string& key);
  /// A container of this image was seen running.
  void started(const std::string& image_id, TimePoint now);
  /// A start from this image, asked for at `intent`, was never answered, and cost the node a slot. After the
  /// second its executions are refused here, until an operator lifts that or the process ends; but only what
  /// happens while other images start is the image's own doing.
  void lost_start(const std::string& image_id, TimePoint intent);
  bool is_quarantined(const std::string& image_id) const;
  std::vector<std::string> quarantined() const;
  void lift_quarantine() { lost_starts_.clear(); }
  /// An execution needs no image any more.
  void release(const ExecutionId& execution);

 private:
  struct Entry {
    ImageView view;
    std::optional<Duration> answered_at;
    std::set<ExecutionId> waiters;
    std::set<ExecutionId> served;
  };
  bool is_fresh(const Entry& entry) const;

  const Clock& clock_;
  std::map<std::string, Entry> entries_;
  std::set<std::string> fetching_;
  std::map<std::string, int> lost_starts_;  ///< by image id; few: each has cost a slot
  std::pair<std::string, TimePoint> last_started_, last_started_of_another_;  ///< image id, and when
};

}  // namespace slipway::reconcilers

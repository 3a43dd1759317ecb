#pragma once

#include <map>
#include <utility>

#include "controller/timers.h"
#include "runtime/simulated/virtual_clock.h"

namespace slipway::simulation {

/// The controllers' timers on virtual time; those of a dead process never fire.
class VirtualTimers final : public controller::Timers {
 public:
  explicit VirtualTimers(runtime::VirtualClock& clock) : clock_(clock) {}
  ~VirtualTimers() override {
    for (const auto& [id, timer] : pending_) clock_.cancel(timer);
  }
  VirtualTimers(const VirtualTimers&) = delete;
  VirtualTimers& operator=(const VirtualTimers&) = delete;

  Id call_at(Duration at, std::function<void()> callback) override {
    const Id id = ++last_id_;
    const auto due = clock_.now() + (at - clock_.monotonic());
    pending_[id] = clock_.at(due, [this, id, callback = std::move(callback)] {
      pending_.erase(id);
      callback();
    });
    return id;
  }
  void cancel(Id id) override {
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;
    clock_.cancel(found->second);
    pending_.erase(found);
  }

 private:
  runtime::VirtualClock& clock_;
  std::map<Id, runtime::VirtualClock::TimerId> pending_;
  Id last_id_ = 0;
};

}  // namespace slipway::simulation

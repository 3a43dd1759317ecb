#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "api/clock.h"

namespace slipway::runtime {

/// The time of a simulated world: stands still until somebody advances it, and calls back whoever waits on
/// the way. One thread. Callbacks due at the same moment run in the order in which they were asked for.
class VirtualClock final : public Clock {
 public:
  using TimerId = std::uint64_t;

  TimePoint now() const override { return now_; }
  Duration monotonic() const override { return now_ - kOrigin; }

  /// Calls back once when the time has come; a time in the past comes at the next advance.
  TimerId at(TimePoint due, std::function<void()> callback);
  TimerId after(Duration delay, std::function<void()> callback) {
    return at(now_ + delay, std::move(callback));
  }
  void cancel(TimerId id);

  std::optional<TimePoint> next_due() const;
  /// Moves on by `by`, running what falls due on the way, each at its own time.
  void advance(Duration by) { advance_to(now_ + by); }
  void advance_to(TimePoint to);

 private:
  static constexpr TimePoint kOrigin{std::chrono::seconds(1'800'000'000)};

  TimePoint now_ = kOrigin;
  TimerId next_id_ = 1;
  std::map<std::pair<TimePoint, TimerId>, std::function<void()>> timers_;
};

}  // namespace slipway::runtime

#pragma once

#include <chrono>

namespace slipway {

/// A moment of UTC in microseconds, the resolution Postgres keeps.
using TimePoint = std::chrono::sys_time<std::chrono::microseconds>;
using Duration = std::chrono::microseconds;

/// Where a room learns the time. Injected, so that the simulator may turn the hands.
///
/// `now()` is database time: the real clock takes the database's answer at each heartbeat and runs on from
/// there on the monotonic clock, so neither a step of this host's wall clock nor a skew between hosts moves a
/// deadline.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  /// Time since an arbitrary origin, never stepping. Leases and timers are measured with it.
  virtual Duration monotonic() const = 0;
};

}  // namespace slipway

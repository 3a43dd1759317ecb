#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>

#include "api/clock.h"

namespace slipway::controller {

namespace asio = boost::asio;

/// Calls back later, on the io thread. Injected, so that a simulation turns the hands itself. Not
/// thread-safe: io thread only.
class Timers {
 public:
  using Id = std::uint64_t;
  virtual ~Timers() = default;
  /// `at` is Clock::monotonic() time; a moment in the past fires at the next turn of the loop, never inside
  /// this call.
  virtual Id call_at(Duration at, std::function<void()> callback) = 0;
  /// A callback that has fired, or an unknown id, is ignored.
  virtual void cancel(Id id) = 0;
};

/// The real hands: one steady_timer over an ordered map.
class AsioTimers : public Timers {
 public:
  AsioTimers(const asio::any_io_executor& executor, const Clock& clock) : clock_(clock), timer_(executor) {}
  ~AsioTimers() override = default;
  Id call_at(Duration at, std::function<void()> callback) override;
  void cancel(Id id) override;

 private:
  void arm();
  void fire();

  using Due = std::pair<Duration, Id>;
  const Clock& clock_;
  asio::steady_timer timer_;
  std::map<Due, std::function<void()>> pending_;
  std::map<Id, Duration> due_of_;
  Id last_id_ = 0;
};

}  // namespace slipway::controller

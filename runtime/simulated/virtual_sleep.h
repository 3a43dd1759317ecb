#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "runtime/simulated/virtual_clock.h"

namespace slipway::runtime {

/// Coroutines of one simulated process that wait for virtual time. They die with it: whoever still sleeps
/// when this object is abandoned or destroyed is never resumed, and its frame is destroyed by the io_context,
/// which must still live.
class VirtualSleep {
 public:
  VirtualSleep(VirtualClock& clock, boost::asio::any_io_executor executor)
      : clock_(clock), executor_(std::move(executor)) {}
  ~VirtualSleep() { abandon(); }
  VirtualSleep(const VirtualSleep&) = delete;
  VirtualSleep& operator=(const VirtualSleep&) = delete;

  boost::asio::awaitable<void> until(TimePoint due) { return wait(due); }
  boost::asio::awaitable<void> forever() { return wait(std::nullopt); }
  void abandon();

 private:
  struct Sleeper {
    std::function<void()> resume;
    VirtualClock::TimerId timer = 0;
  };
  boost::asio::awaitable<void> wait(std::optional<TimePoint> due);
  void wake(std::uint64_t number);

  VirtualClock& clock_;
  boost::asio::any_io_executor executor_;
  std::map<std::uint64_t, Sleeper> sleepers_;
  std::uint64_t next_ = 1;
};

}  // namespace slipway::runtime

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <string>

namespace slipway {

namespace asio = boost::asio;

/// What systemd is told of the daemon (sd_notify(3)), and the unit's watchdog. Where no service manager asks,
/// nothing happens. Loop thread only.
class ServiceManager {
 public:
  explicit ServiceManager(asio::io_context& io);

  void ready(const std::string& status);
  void stopping();
  /// Feeds the watchdog three times an interval (WatchdogSec=) for as long as `progresses` says yes. It is
  /// asked in the loop, so that a loop that hangs feeds nothing either.
  void feed_watchdog(std::function<bool()> progresses);

 private:
  void tick();

  asio::steady_timer timer_;
  std::chrono::microseconds interval_{0};
  std::function<bool()> progresses_;
};

}  // namespace slipway

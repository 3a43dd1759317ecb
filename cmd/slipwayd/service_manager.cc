#include "cmd/slipwayd/service_manager.h"

#include <systemd/sd-daemon.h>

#include "logging/log.h"

namespace slipway {

ServiceManager::ServiceManager(asio::io_context& io) : timer_(io) {}

void ServiceManager::ready(const std::string& status) {
  ::sd_notifyf(0, "READY=1\nSTATUS=%s", status.c_str());
}

void ServiceManager::stopping() {
  timer_.cancel();
  ::sd_notify(0, "STOPPING=1\nSTATUS=Detaching: containers keep running.");
}

void ServiceManager::feed_watchdog(std::function<bool()> progresses) {
  std::uint64_t whole = 0;
  if (::sd_watchdog_enabled(0, &whole) <= 0) return;
  interval_ = std::chrono::microseconds(whole) / 3;
  progresses_ = std::move(progresses);
  tick();
}

void ServiceManager::tick() {
  if (progresses_()) {
    ::sd_notify(0, "WATCHDOG=1");
  } else {
    logging::error("no heartbeat is tried any more: the service manager's watchdog is left unfed");
  }
  timer_.expires_after(interval_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

}  // namespace slipway

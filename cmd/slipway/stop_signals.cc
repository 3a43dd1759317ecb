#include "cmd/slipway/stop_signals.h"

#include <signal.h>

#include <ctime>

namespace slipway::cli {
namespace {

sigset_t stop_set() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, signal);
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  const auto set = stop_set();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

bool StopSignals::requested(std::chrono::milliseconds wait) {
  if (came_) return true;
  const auto set = stop_set();
  const timespec time{wait.count() / 1000, (wait.count() % 1000) * 1000000};
  came_ = ::sigtimedwait(&set, nullptr, &time) > 0;
  return came_;
}

}  // namespace slipway::cli

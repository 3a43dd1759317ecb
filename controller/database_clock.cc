#include "controller/database_clock.h"

namespace slipway::controller {
namespace {

constexpr Duration kQuick = std::chrono::milliseconds(50);
constexpr Duration kTooOld = std::chrono::minutes(5);

}  // namespace

DatabaseClock::DatabaseClock()
    : at_anchor_(std::chrono::floor<Duration>(std::chrono::system_clock::now())), anchor_(monotonic()) {}

TimePoint DatabaseClock::now() const { return at_anchor_ + (monotonic() - anchor_); }

Duration DatabaseClock::monotonic() const {
  return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
}

void DatabaseClock::adjust(TimePoint database_now, Duration round_trip) {
  const auto here = monotonic();
  if (round_trip > kQuick && adjusted_ && here - adjusted_at_ < kTooOld) return;
  anchor_ = here;
  at_anchor_ = database_now + round_trip / 2;
  adjusted_at_ = here;
  adjusted_ = true;
}

}  // namespace slipway::controller

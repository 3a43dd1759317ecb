#pragma once

#include "api/clock.h"

namespace slipway::controller {

/// Database time carried on the monotonic clock. Before the first adjust() it shows this host's wall clock.
class DatabaseClock : public Clock {
 public:
  DatabaseClock();
  TimePoint now() const override;
  Duration monotonic() const override;
  /// The database said `database_now`; asking took `round_trip` and has just ended. An answer that took long
  /// says little about when it was true and is passed over while a better one is not too old.
  void adjust(TimePoint database_now, Duration round_trip);

 private:
  TimePoint at_anchor_;
  Duration anchor_;
  Duration adjusted_at_{0};
  bool adjusted_ = false;
};

}  // namespace slipway::controller

#pragma once

#include <chrono>

namespace slipway::cli {

/// SIGINT, SIGTERM and SIGHUP, taken out of the air: nothing is interrupted, and they are asked for between
/// two steps.
class StopSignals {
 public:
  StopSignals();  ///< blocks them in this process
  /// Whether one has come; waits so long for it.
  bool requested(std::chrono::milliseconds wait = {});

 private:
  bool came_ = false;
};

}  // namespace slipway::cli

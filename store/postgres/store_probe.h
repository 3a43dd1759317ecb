#pragma once

#include <chrono>
#include <string_view>

#include "api/result.h"

namespace slipway::store {

/// What the store tells of itself. Called from the store's own threads, several at once: an implementation
/// must be safe for that, fast, and must not throw.
class StoreProbe {
 public:
  virtual ~StoreProbe() = default;
  /// store_errors_total{class}
  virtual void on_error(ErrorClass error_class) = 0;
  /// store_query_duration_seconds{op}; `op` is one of a fixed set of literals such as "claim" or "write".
  virtual void on_query(std::string_view op, std::chrono::nanoseconds took) = 0;
  /// How many transitions one statement of the coalescing writer carried.
  virtual void on_batch(int size) = 0;
};

}  // namespace slipway::store

#pragma once

#include <chrono>
#include <string_view>

namespace slipway::runtime {

/// What the engine client tells about its calls; the metrics room counts it. Called on the io thread, must
/// not block.
class EngineProbe {
 public:
  virtual ~EngineProbe() = default;
  /// One finished request. `op` is of a small fixed set ("create", "start", "inspect", …); `code` is the HTTP
  /// status, 0 when no answer came. Feeds engine_requests_total{op,code} and
  /// engine_request_duration_seconds{op}.
  virtual void on_request(std::string_view op, int code, std::chrono::nanoseconds took) = 0;
};

}  // namespace slipway::runtime

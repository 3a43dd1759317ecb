#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace slipway::bench {

struct Answer {
  unsigned status = 0;
  std::string body;
};

/// One kept-alive connection to the engine's socket; blocking, for one thread. Throws std::runtime_error when
/// the engine is away; a request that waits for ever is ended by the bench's own deadline.
class EngineClient {
 public:
  explicit EngineClient(std::string socket_path);
  ~EngineClient();

  Answer call(std::string_view method, std::string_view target, std::string_view body = {},
              std::string_view content_type = "application/json");
  /// As call; throws unless the status is 2xx or 304.
  std::string must(std::string_view method, std::string_view target, std::string_view body = {},
                   std::string_view content_type = "application/json");

  /// Sends a long request and returns once its 200 header is here: the engine is waiting. `finish` blocks for
  /// the body.
  void arm(std::string_view method, std::string_view target);
  std::string finish();

  /// Hijacks a connection of its own for the container's output; `drain` reads it to its end.
  void attach(std::string_view container_id);
  std::string drain();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::bench

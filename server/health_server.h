#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/result.h"

namespace slipway::server {

/// What a health endpoint answers.
struct Answer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

struct HealthServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one; port() tells
  int connections = 64;    ///< more are closed at once
};

/// GET /livez /readyz /metrics /version and nothing else, for probes and scrapers. Needs no token and tells
/// nothing of a tenant. Headers are capped at 8 KiB, bodies refused, a connection lives at most 30 s between
/// requests.
class HealthServer {
 public:
  struct Routes {
    std::function<Answer()> livez;
    std::function<Answer()> readyz;
    std::function<Answer()> metrics;
    std::function<Answer()> version;
  };
  HealthServer(boost::asio::io_context& io, HealthServerOptions options, Routes routes);
  ~HealthServer();

  /// Binds and accepts from now on. Invalid: the address cannot be bound, and why.
  Result<void> start();
  void stop();
  std::uint16_t port() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway::server

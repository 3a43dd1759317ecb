#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/clock.h"
#include "api/execution.h"
#include "api/result.h"
#include "runtime/docker/engine_identity.h"
#include "runtime/docker/engine_probe.h"

namespace slipway::runtime {

namespace asio = boost::asio;

struct EngineRequest {
  std::string_view op;  ///< label for metrics, of a small fixed set
  std::string method = "GET";
  std::string target;  ///< without the version prefix, e.g. "/containers/json?all=1"
  std::string body;
  std::string content_type = "application/json";
  std::string registry_auth;  ///< value of X-Registry-Auth; empty: none
  std::chrono::milliseconds timeout{5000};
  std::size_t body_cap = 8u << 20;  ///< a longer answer is an error
  bool versioned = true;
};

struct EngineResponse {
  int status = 0;
  std::string body;
  std::string path_stat;  ///< X-Docker-Container-Path-Stat, base64
  std::string podman;     ///< of a ping: the version of a Podman that stands in for the engine
  EngineProcess engine;   ///< the process that answered
};

/// An answer whose body is read piece by piece. Has a connection of its own, which closes with it: nothing
/// unread stays behind on the engine's side.
class EngineStream {
 public:
  virtual ~EngineStream() = default;
  virtual int status() const = 0;
  virtual const std::string& path_stat() const = 0;
  /// The next piece (at most 64 KiB); empty at the orderly end. Retry when the connection broke or `idle`
  /// passed.
  virtual asio::awaitable<Result<std::string>> read(std::chrono::milliseconds idle) = 0;
  /// Breaks a read in progress. Io thread.
  virtual void close() = 0;
};

/// HTTP/1.1 over the engine's unix socket with a small pool of kept-alive connections. Lives on one io
/// thread.
///
/// A call that timed out is followed by a ping of up to 2 s, so that the probe hears whether the engine is
/// away.
///
/// Errors: Retry when the engine cannot be reached or a GET/HEAD got no answer; Doubt when a request that may
/// change something was sent and its answer is unknown. An HTTP error status is a response, not an error.
class EngineClient {
 public:
  EngineClient(asio::any_io_executor io, std::string socket_path, std::string pid_file,
               std::chrono::milliseconds connect_timeout, EngineProbe* probe, Host& host = posix_host());
  ~EngineClient();

  asio::awaitable<Result<EngineResponse>> call(EngineRequest request);
  asio::awaitable<Result<std::shared_ptr<EngineStream>>> open(EngineRequest request);

  /// "1.41" … as negotiated by the first call; empty before.
  const std::string& api_version() const;
  /// The next call asks again: the engine may have been upgraded.
  void forget_version();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::runtime

#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/result.h"
#include "server/message.h"

namespace slipway::server {

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;   ///< 0: any free one; port() tells
  std::string certificate;  ///< PEM files; both empty: plain HTTP
  std::string private_key;
  int connections = 4096;  ///< more are closed at once
  std::size_t body_bytes = 4 << 20;
  /// Bodies above this are read a few at a time, so that no number of clients fills the memory.
  std::size_t large_body_bytes = 64 << 10;
  int large_bodies = 16;
  std::chrono::seconds idle{75};      ///< between two requests of a connection
  std::chrono::seconds patience{30};  ///< for a whole request to come in, and for each write to go out
  std::chrono::seconds farewell{5};   ///< for what is under way when the server stops
};

/// What the handler uses has to live as long as the handler itself, which connections keep alive.
///
/// HTTP/1.1 on one port, in the loop it is given. Knows nothing of what is served. Headers are capped at 16
/// KiB, everything has a deadline, and what cannot be understood is answered with a problem and ends the
/// connection.
class HttpServer {
 public:
  using Handler = std::function<asio::awaitable<Response>(Request)>;

  HttpServer(asio::io_context& io, HttpServerOptions options, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds and accepts from now on. Invalid: what of the options cannot be used, and why.
  Result<void> start();
  /// Accepts no more; ends idle connections and streams at once, others when they have answered or after the
  /// farewell.
  void stop();
  std::uint16_t port() const;
  int open_connections() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slipway::server

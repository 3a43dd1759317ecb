#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <tuple>

#include "admission/contracts.h"
#include "cmd/slipwayd/config.h"
#include "metrics/registry.h"
#include "server/api.h"
#include "server/http_server.h"

namespace slipway {

/// The API on its server, with its own connections to the database.
class HttpDoor {
 public:
  struct Answers {
    std::function<TimePoint()> now;
    std::function<server::Response()> readyz, metrics;
  };
  HttpDoor(boost::asio::io_context& io, const Config& config, metrics::Registry& registry,
           admission::Contracts& contracts, Answers answers);

  Result<void> start() { return server_->start(); }
  /// No new requests; streams end, others are answered.
  void stop() { server_->stop(); }
  bool busy() const { return server_->open_connections() > 0; }
  std::uint16_t port() const { return server_->port(); }
  /// Once the loop has stopped: waits for what the database threads still do.
  void join() { catalogs_->join(); }

 private:
  void count(const std::string& route, const server::Request& request, int status,
             std::chrono::microseconds took);

  metrics::Registry& registry_;
  std::map<std::tuple<std::string, std::string, int>, metrics::Counter*> counters_;
  std::map<std::pair<std::string, std::string>, metrics::Histogram*> durations_;
  std::shared_ptr<server::CatalogPool> catalogs_;
  std::unique_ptr<server::HttpServer> server_;
};

}  // namespace slipway

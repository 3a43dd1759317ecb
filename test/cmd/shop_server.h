#pragma once

#include <memory>
#include <string>

#include "server/http_server.h"
#include "test/support/postgres_server/postgres_server.h"

namespace slipway::test {

/// The HTTP API before a database, in this process.
class ShopServer {
 public:
  explicit ShopServer(const std::string& database_url, server::HttpServerOptions options = {});
  ~ShopServer();
  ShopServer(const ShopServer&) = delete;
  ShopServer& operator=(const ShopServer&) = delete;

  int port() const { return port_; }
  std::string token_of(const std::string& role, const std::string& user = "");
  /// Gone: nobody listens at the port any more.
  void stop();
  /// There again, at the same port.
  void start();

 private:
  struct Running;
  std::string database_url_;
  server::HttpServerOptions options_;
  int port_ = 0;
  std::unique_ptr<Running> running_;
};

}  // namespace slipway::test

#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <set>
#include <thread>

#include "admission/contracts.h"
#include "server/api.h"
#include "server/http_server.h"
#include "test/support/http_client/http_client.h"
#include "test/support/postgres_server/postgres_server.h"

namespace slipway::test {

/// The API on a database of its own, in this process; a token of each role; an agent and who may run it.
/// Every answer that goes through `ask` is held to what /openapi.json says of it.
class ApiRig : public ::testing::Test {
 protected:
  explicit ApiRig(server::HttpServerOptions options = {});
  ~ApiRig() override;

  std::string token_of(const std::string& role, const std::string& user = "");
  HttpClient as(const std::string& token) const { return HttpClient(port(), token); }
  HttpAnswer ask(const std::string& token, const std::string& method, const std::string& target,
                 const std::string& body = "", std::map<std::string, std::string> headers = {});
  int port() const { return server_->port(); }

  /// A row as the controller would leave it, without a controller.
  void finish(const std::string& id, const std::string& output = R"({"ok":true})");
  void log(const std::string& id, const std::string& text, const std::string& stream = "stdout");
  std::string submit(const std::string& user, const std::string& input = "{}");

  std::string url_;
  Sql sql_;
  std::string user_, other_, service_, reader_, admin_;  ///< tokens; user_ is u-1's, other_ u-2's

  boost::asio::io_context io_{1};
  admission::Contracts contracts_;
  std::shared_ptr<server::CatalogPool> catalogs_;
  std::shared_ptr<server::Api> api_;
  std::unique_ptr<server::HttpServer> server_;
  std::thread loop_;
  nlohmann::json openapi_;
  std::set<std::string> seen_;  ///< "GET /v1/agents 200"
};

}  // namespace slipway::test

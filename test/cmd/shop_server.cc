#include "test/cmd/shop_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <thread>

#include "server/api.h"
#include "server/token_text.h"
#include "store/postgres/postgres_catalog.h"

namespace slipway::test {

struct ShopServer::Running {
  Running(const std::string& url, const server::HttpServerOptions& options)
      : catalogs(std::make_shared<server::CatalogPool>(
            [url] { return std::make_unique<store::postgres::PostgresCatalog>(url); }, 2, 256)) {
    auto api = std::make_shared<server::Api>(
        server::ApiParts{.catalogs = catalogs,
                         .contracts = contracts,
                         .policy = {},
                         .now = [] { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); },
                         .livez = nullptr,
                         .readyz = nullptr,
                         .metrics = nullptr,
                         .version = [] { return server::Response{.body = R"({"version": "9.9.9"})"}; },
                         .witness = nullptr});
    http = std::make_unique<server::HttpServer>(
        io, options, [api](server::Request request) { return api->handle(std::move(request)); });
    if (const auto started = http->start(); !started) throw std::runtime_error(started.error().message);
    loop = std::thread([this] {
      const auto work = boost::asio::make_work_guard(io);
      io.run();
    });
  }
  ~Running() {
    boost::asio::post(io, [this] { http->stop(); });
    boost::asio::post(io, [this] { io.stop(); });
    loop.join();
    catalogs->join();
  }

  boost::asio::io_context io{1};
  admission::Contracts contracts;
  std::shared_ptr<server::CatalogPool> catalogs;
  std::unique_ptr<server::HttpServer> http;
  std::thread loop;
};

ShopServer::ShopServer(const std::string& database_url, server::HttpServerOptions options)
    : database_url_(database_url), options_(std::move(options)) {
  start();
}
ShopServer::~ShopServer() = default;

void ShopServer::start() {
  running_ = std::make_unique<Running>(database_url_, options_);
  port_ = running_->http->port();
  options_.port = static_cast<std::uint16_t>(port_);
}

void ShopServer::stop() { running_.reset(); }

std::string ShopServer::token_of(const std::string& role, const std::string& user) {
  const auto text = server::new_token();
  Sql(database_url_)
      .query(
          "INSERT INTO slipway.api_tokens (id, sha256, role, user_id) VALUES ($1, decode($2, 'hex'), $3, $4)",
          {server::new_token_id(), server::sha256_hex(text), role,
           user.empty() ? std::optional<std::string>() : std::optional(user)});
  return text;
}

}  // namespace slipway::test

#include "cmd/slipwayd/http_door.h"

#include <nlohmann/json.hpp>

#include "store/postgres/postgres_catalog.h"

namespace slipway {
namespace {

constexpr int kThreads = 4;
constexpr int kWaiting = 512;

server::Response text_page(std::string text) {
  return {.content_type = "text/plain", .body = std::move(text)};
}

server::HttpServerOptions server_options(const Config& config) {
  server::HttpServerOptions options;
  options.host = config.http_host;
  options.port = static_cast<std::uint16_t>(config.http_port);
  options.certificate = config.http_certificate;
  options.private_key = config.http_key;
  return options;
}

/// One of the methods there are, so that a client cannot make series.
std::string method_of(const server::Request& request) {
  for (const auto* known : {"GET", "HEAD", "POST", "PUT", "DELETE"}) {
    if (request.method == known) return known;
  }
  return "other";
}

}  // namespace

HttpDoor::HttpDoor(boost::asio::io_context& io, const Config& config, metrics::Registry& registry,
                   admission::Contracts& contracts, Answers answers)
    : registry_(registry),
      catalogs_(std::make_shared<server::CatalogPool>(
          [url = config.database_url] { return std::make_unique<store::postgres::PostgresCatalog>(url); },
          kThreads, kWaiting)) {
  auto api = std::make_shared<server::Api>(server::ApiParts{
      .catalogs = catalogs_,
      .contracts = contracts,
      .policy = config.policy,
      .now = std::move(answers.now),
      .livez = [] { return text_page("ok\n"); },
      .readyz = std::move(answers.readyz),
      .metrics = std::move(answers.metrics),
      .version =
          [] { return server::Response{.body = nlohmann::json{{"version", SLIPWAY_VERSION}}.dump() + "\n"}; },
      .witness = [this](const std::string& route, const server::Request& request, int status,
                        std::chrono::microseconds took) { count(route, request, status, took); }});
  server_ = std::make_unique<server::HttpServer>(
      io, server_options(config), [api](server::Request request) { return api->handle(std::move(request)); });
}

void HttpDoor::count(const std::string& route, const server::Request& request, int status,
                     std::chrono::microseconds took) {
  const auto method = method_of(request);
  auto& counter = counters_[{route, method, status}];
  if (counter == nullptr)
    counter = &registry_.counter("slipway_http_requests_total", "Requests by route, method and status.",
                                 {{"route", route}, {"method", method}, {"code", std::to_string(status)}});
  counter->add();
  auto& duration = durations_[{route, method}];
  if (duration == nullptr)
    duration =
        &registry_.histogram("slipway_http_request_duration_seconds", "How long an answer took to make.",
                             metrics::seconds_fine(), {{"route", route}, {"method", method}});
  duration->observe(std::chrono::duration<double>(took).count());
}

}  // namespace slipway

#include "server/decode.h"

#include <random>

#include "server/parse.h"

namespace slipway::server {
namespace {

constexpr std::string_view kHeadersKept[] = {"authorization",   "content-type", "accept",
                                             "idempotency-key", "prefer",       "last-event-id",
                                             "x-request-id",    "traceparent"};

}  // namespace

std::string new_request_id() {
  static std::mt19937_64 random{std::random_device{}()};
  return hex(random());
}

Request decoded(const boost::beast::http::request<boost::beast::http::string_body>& message) {
  Request request;
  request.method = std::string(message.method_string());
  read_target(message.target(), request);
  for (const auto name : kHeadersKept) {
    if (const auto found = message.find(name); found != message.end())
      request.headers.emplace(name, std::string(found->value()));
  }
  request.body = message.body();
  const auto given = request.header("x-request-id");
  request.request_id = is_request_id(given) ? given : new_request_id();
  return request;
}

}  // namespace slipway::server

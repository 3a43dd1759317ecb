#include "server/health_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace slipway::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;

constexpr std::uint32_t kHeaderBytes = 8 * 1024;
constexpr auto kPatience = std::chrono::seconds(30);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

using Response = http::response<http::string_body>;

Response respond(const http::request<http::empty_body>& request, const Answer& answer) {
  Response response(static_cast<http::status>(answer.status), request.version());
  response.set(http::field::content_type, answer.content_type);
  response.set(http::field::server, "slipway");
  response.keep_alive(request.keep_alive());
  if (request.method() != http::verb::head) response.body() = answer.body;
  response.prepare_payload();
  return response;
}

}  // namespace

struct HealthServer::State : std::enable_shared_from_this<State> {
  State(asio::io_context& context, HealthServerOptions given, Routes handlers)
      : io(context), options(std::move(given)), routes(std::move(handlers)), acceptor(context) {}

  Answer route(const http::request<http::empty_body>& request) const {
    if (request.method() != http::verb::get && request.method() != http::verb::head)
      return {405, "text/plain", "only GET\n"};
    const auto path = request.target().substr(0, request.target().find('?'));
    if (path == "/livez") return routes.livez();
    if (path == "/readyz") return routes.readyz();
    if (path == "/metrics") return routes.metrics();
    if (path == "/version") return routes.version();
    return {404, "text/plain", "no such page; there are /livez /readyz /metrics /version\n"};
  }

  asio::awaitable<void> serve(Tcp::socket socket) {
    beast::tcp_stream stream(std::move(socket));
    beast::flat_buffer buffer(kHeaderBytes * 2);
    for (bool more = true; more;) {
      http::request_parser<http::empty_body> parser;
      parser.header_limit(kHeaderBytes);
      parser.body_limit(0);
      stream.expires_after(kPatience);
      co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
      const auto response = respond(parser.get(), route(parser.get()));
      stream.expires_after(kPatience);
      co_await http::async_write(stream, response, asio::use_awaitable);
      more = parser.keep_alive();
    }
  }

  asio::awaitable<void> accept_all() {
    asio::steady_timer pause(io);
    while (acceptor.is_open()) {
      beast::error_code error;
      auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error) {  // out of descriptors, as a rule: the probe asks again
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      if (open >= options.connections) continue;
      ++open;
      // A peer that goes away or talks nonsense ends its own connection and nothing else.
      asio::co_spawn(io, serve(std::move(socket)),
                     [self = shared_from_this()](const std::exception_ptr&) { --self->open; });
    }
  }

  asio::io_context& io;
  HealthServerOptions options;
  Routes routes;
  Tcp::acceptor acceptor;
  int open = 0;
};

HealthServer::HealthServer(asio::io_context& io, HealthServerOptions options, Routes routes)
    : state_(std::make_shared<State>(io, std::move(options), std::move(routes))) {}

HealthServer::~HealthServer() { stop(); }

Result<void> HealthServer::start() {
  const auto where = state_->options.host + ":" + std::to_string(state_->options.port);
  beast::error_code error;
  const auto address = asio::ip::make_address(state_->options.host, error);
  if (error)
    return Error{ErrorClass::Invalid, "http.listen: \"" + state_->options.host + "\" is not an IP address"};
  const Tcp::endpoint endpoint(address, state_->options.port);
  state_->acceptor.open(endpoint.protocol(), error);
  if (!error) state_->acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) state_->acceptor.bind(endpoint, error);
  if (!error) state_->acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return Error{ErrorClass::Invalid, "http.listen: cannot listen on " + where + ": " + error.message()};
  asio::co_spawn(
      state_->io, [state = state_]() -> asio::awaitable<void> { co_await state->accept_all(); },
      asio::detached);
  return {};
}

void HealthServer::stop() {
  beast::error_code ignored;
  state_->acceptor.close(ignored);
}

std::uint16_t HealthServer::port() const { return state_->acceptor.local_endpoint().port(); }

}  // namespace slipway::server

#include "server/http_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <set>

#include "server/decode.h"
#include "server/parse.h"
#include "server/problem.h"

namespace slipway::server {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using Plain = beast::tcp_stream;
using Secure = beast::ssl_stream<beast::tcp_stream>;

constexpr auto kAcceptPause = std::chrono::milliseconds(100);

Tcp::socket& socket_of(Plain& stream) { return stream.socket(); }
Tcp::socket& socket_of(Secure& stream) { return beast::get_lowest_layer(stream).socket(); }

Problem problem_of(const beast::error_code& error) {
  if (error == http::error::header_limit)
    return {431, "HeadersTooLarge", "The header is larger than 16 KiB.", {}, 0};
  if (error == http::error::body_limit)
    return {413, "BodyTooLarge", "The body is larger than this server takes.", {}, 0};
  if (error == beast::error::timeout)
    return {408, "RequestTimeout", "The request did not come in within its time.", {}, 0};
  return {400, "NotHttp", "The request is not well-formed HTTP/1.1: " + error.message() + ".", {}, 0};
}

/// The peer is gone, or never said anything: there is nobody to answer.
bool is_silent_end(const beast::error_code& error) {
  return error == http::error::end_of_stream || error == asio::error::eof ||
         error == asio::error::connection_reset || error == asio::error::operation_aborted ||
         error == asio::ssl::error::stream_truncated;
}

}  // namespace

struct HttpServer::State : std::enable_shared_from_this<State> {
  /// What the server may do to one of its connections.
  struct Connection {
    std::function<void()> close;
    bool idle = true;
  };

  State(asio::io_context& context, HttpServerOptions given, Handler serves)
      : io(context),
        options(std::move(given)),
        handler(std::move(serves)),
        acceptor(context),
        farewell(context) {}

  template <class Socket>
  struct Chunks final : Stream {
    Chunks(State& state, Socket& socket) : server(state), to(socket) {}
    asio::awaitable<bool> write(std::string piece) override {
      if (!open()) co_return false;
      if (piece.empty()) co_return true;  // an empty chunk would be the last one
      beast::get_lowest_layer(to).expires_after(server.options.patience);
      beast::error_code error;
      co_await asio::async_write(to, http::make_chunk(asio::buffer(piece)),
                                 asio::redirect_error(asio::use_awaitable, error));
      broken = static_cast<bool>(error);
      co_return !broken;
    }
    bool open() const override { return !broken && !server.stopping; }

    State& server;
    Socket& to;
    bool broken = false;
  };

  template <class Fields>
  void dress(Fields& header, const Response& response, const std::string& request_id) {
    header.set(http::field::content_type, response.content_type);
    header.set(http::field::server, "slipway");
    header.set("X-Request-Id", request_id);
    header.set("X-Content-Type-Options", "nosniff");
    if (header.find(http::field::cache_control) == header.end())
      header.set(http::field::cache_control, "no-store");
    for (const auto& [name, value] : response.headers) header.set(name, value);
  }

  template <class Socket>
  asio::awaitable<void> send(Socket& socket, const Response& response, const Request& request,
                             unsigned version, bool keep) {
    http::response<http::string_body> message(static_cast<http::status>(response.status), version);
    dress(message, response, request.request_id);
    message.keep_alive(keep);
    if (request.method == "HEAD") {
      message.content_length(response.body.size());
    } else {
      message.body() = response.body;
      message.prepare_payload();
    }
    if (response.status == 204) message.erase(http::field::content_type);
    beast::get_lowest_layer(socket).expires_after(options.patience);
    http::response_serializer<http::string_body> serializer(message);
    if (request.method == "HEAD") {
      co_await http::async_write_header(socket, serializer, asio::use_awaitable);
    } else {
      co_await http::async_write(socket, serializer, asio::use_awaitable);
    }
  }

  template <class Socket>
  asio::awaitable<void> send_stream(Socket& socket, const Response& response, const Request& request) {
    http::response<http::empty_body> message(static_cast<http::status>(response.status), 11);
    dress(message, response, request.request_id);
    message.keep_alive(false);
    message.chunked(true);
    http::response_serializer<http::empty_body> serializer(message);
    beast::get_lowest_layer(socket).expires_after(options.patience);
    co_await http::async_write_header(socket, serializer, asio::use_awaitable);
    if (request.method == "HEAD") co_return;
    Chunks<Socket> chunks(*this, socket);
    co_await response.stream(chunks);
    if (chunks.broken) co_return;
    beast::get_lowest_layer(socket).expires_after(options.patience);
    co_await asio::async_write(socket, http::make_chunk_last(), asio::use_awaitable);
  }

  asio::awaitable<Response> answer(const Request& request) {
    try {
      co_return co_await handler(request);
    } catch (const std::exception&) {  // a fault of ours: the client learns the id, the log of the handler
                                       // the rest
      co_return to_response({500, "Internal", "Something went wrong here; the request id finds it.", {}, 0},
                            request.request_id);
    }
  }

  template <class Socket>
  asio::awaitable<void> refuse(Socket& socket, const Problem& problem) {
    Request nobody;
    nobody.method = "GET";
    nobody.request_id = new_request_id();
    co_await send(socket, to_response(problem, nobody.request_id), nobody, 11, false);
  }

  /// Waits for the first byte of the next request; false: the connection is over.
  template <class Socket>
  asio::awaitable<bool> next_request(Socket& socket, beast::flat_buffer& buffer) {
    if (buffer.size() > 0) co_return true;
    if (stopping) co_return false;
    beast::get_lowest_layer(socket).expires_after(options.idle);
    beast::error_code error;
    const auto got = co_await socket.async_read_some(buffer.prepare(1024),
                                                     asio::redirect_error(asio::use_awaitable, error));
    buffer.commit(got);
    co_return !error;
  }

  /// True: the connection may carry another request.
  template <class Socket>
  asio::awaitable<bool> exchange(Socket& socket, beast::flat_buffer& buffer, Connection& connection) {
    if (!co_await next_request(socket, buffer)) co_return false;
    connection.idle = false;
    http::request_parser<http::string_body> parser;
    parser.header_limit(kHeaderBytes);
    parser.body_limit(options.body_bytes);
    beast::get_lowest_layer(socket).expires_after(options.patience);
    beast::error_code error;
    co_await http::async_read_header(socket, buffer, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
    const bool large =
        !error && (parser.chunked() || parser.content_length().value_or(0) > options.large_body_bytes);
    if (large && large_bodies >= options.large_bodies) {
      co_await refuse(socket, {503, "Busy", "Too many large requests at once; try again.", {}, 1});
      co_return false;
    }
    large_bodies += large ? 1 : 0;
    const auto permit =
        std::shared_ptr<void>(nullptr, [this, large](void*) { large_bodies -= large ? 1 : 0; });
    if (!error && !parser.is_done()) {
      if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        http::response<http::empty_body> proceed(http::status::continue_, 11);
        co_await http::async_write(socket, proceed, asio::use_awaitable);
      }
      co_await http::async_read(socket, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    }
    if (is_silent_end(error)) co_return false;
    if (error) {
      co_await refuse(socket, problem_of(error));
      co_return false;
    }
    const auto request = decoded(parser.get());
    const auto response = co_await answer(request);
    if (response.stream) {
      co_await send_stream(socket, response, request);
      co_return false;
    }
    const bool keep = parser.keep_alive() && !stopping;
    co_await send(socket, response, request, parser.get().version(), keep);
    co_return keep;
  }

  template <class Socket>
  asio::awaitable<void> serve(Socket socket) {
    const auto self = shared_from_this();
    Connection connection;
    connection.close = [&socket] {
      beast::error_code ignored;
      socket_of(socket).close(ignored);
    };
    connections.insert(&connection);
    const auto member =
        std::shared_ptr<void>(nullptr, [self, &connection](void*) { self->left(&connection); });
    if constexpr (std::is_same_v<Socket, Secure>) {
      beast::get_lowest_layer(socket).expires_after(options.patience);
      co_await socket.async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
    }
    beast::flat_buffer buffer(2 * kHeaderBytes);
    while (co_await exchange(socket, buffer, connection)) {
      connection.idle = true;
      if (buffer.size() == 0) buffer.shrink_to_fit();  // thousands may stay idle
    }
    beast::error_code ignored;
    socket_of(socket).shutdown(Tcp::socket::shutdown_send, ignored);
  }

  void left(Connection* connection) { connections.erase(connection); }

  asio::awaitable<void> accept_all() {
    const auto self = shared_from_this();
    asio::steady_timer pause(io);
    while (acceptor.is_open()) {
      beast::error_code error;
      auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error) {  // out of descriptors, as a rule
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      if (static_cast<int>(connections.size()) >= options.connections) continue;
      socket.set_option(Tcp::no_delay(true), error);
      // A peer that goes away or talks nonsense ends its own connection and nothing else.
      const auto ended = [self](const std::exception_ptr&) {};
      if (tls) {
        asio::co_spawn(io, serve(Secure(std::move(socket), *tls)), ended);
      } else {
        asio::co_spawn(io, serve(Plain(std::move(socket))), ended);
      }
    }
  }

  void stop() {
    if (stopping) return;
    stopping = true;
    beast::error_code ignored;
    acceptor.close(ignored);
    for (auto* connection : connections) {
      if (connection->idle) connection->close();
    }
    farewell.expires_after(options.farewell);
    farewell.async_wait([self = shared_from_this()](const beast::error_code& error) {
      if (error) return;
      for (auto* connection : self->connections) connection->close();
    });
  }

  asio::io_context& io;
  HttpServerOptions options;
  Handler handler;
  Tcp::acceptor acceptor;
  asio::steady_timer farewell;
  std::optional<asio::ssl::context> tls;
  std::set<Connection*> connections;
  int large_bodies = 0;
  bool stopping = false;
};

HttpServer::HttpServer(asio::io_context& io, HttpServerOptions options, Handler handler)
    : state_(std::make_shared<State>(io, std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() { stop(); }

Result<void> HttpServer::start() {
  auto& options = state_->options;
  beast::error_code error;
  if (!options.certificate.empty()) {
    state_->tls.emplace(asio::ssl::context::tls_server);
    state_->tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                             asio::ssl::context::no_tlsv1_1);
    state_->tls->use_certificate_chain_file(options.certificate, error);
    if (error)
      return Error{ErrorClass::Invalid,
                   "http.tls.certificate: cannot use " + options.certificate + ": " + error.message()};
    state_->tls->use_private_key_file(options.private_key, asio::ssl::context::pem, error);
    if (error)
      return Error{ErrorClass::Invalid,
                   "http.tls.key: cannot use " + options.private_key + ": " + error.message()};
  }
  const auto where = options.host + ":" + std::to_string(options.port);
  const auto address = asio::ip::make_address(options.host, error);
  if (error) return Error{ErrorClass::Invalid, "http.listen: \"" + options.host + "\" is not an IP address"};
  const Tcp::endpoint endpoint(address, options.port);
  auto& acceptor = state_->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return Error{ErrorClass::Invalid, "http.listen: cannot listen on " + where + ": " + error.message()};
  asio::co_spawn(
      state_->io, [state = state_]() -> asio::awaitable<void> { co_await state->accept_all(); },
      asio::detached);
  return {};
}

void HttpServer::stop() { state_->stop(); }

std::uint16_t HttpServer::port() const { return state_->acceptor.local_endpoint().port(); }
int HttpServer::open_connections() const { return static_cast<int>(state_->connections.size()); }

}  // namespace slipway::server

#include "client/connection.h"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <charconv>
#include <optional>

namespace slipway::client {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Plain = beast::tcp_stream;
using Secure = beast::ssl_stream<beast::tcp_stream>;

constexpr auto kFarewell = std::chrono::seconds(1);
constexpr std::uint32_t kMostHeader = 16 * 1024;

std::string text_of(const boost::system::error_code& code) {
  if (code == beast::error::timeout) return "no answer within its time";
  if (code == http::error::end_of_stream || code == asio::error::eof ||
      code == asio::ssl::error::stream_truncated)
    return "the connection was closed";
  return code.message();
}

/// What was sent may have been understood by now.
enum class Phase { Connecting, Securing, Sent, Answering };

bool is_http_error(const boost::system::error_code& code) {
  return code.category() == make_error_code(http::error::bad_version).category() &&
         code != http::error::end_of_stream && code != http::error::partial_message;
}

}  // namespace

struct Connection::State {
  explicit State(ConnectionOptions given) : options(std::move(given)), tls(asio::ssl::context::tls_client) {
    tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                    asio::ssl::context::no_tlsv1_1);
    tls.set_verify_mode(asio::ssl::verify_peer);
    boost::system::error_code error;
    if (options.certificate_authority.empty()) {
      tls.set_default_verify_paths(error);
    } else {
      tls.load_verify_file(options.certificate_authority, error);
    }
    if (error && options.address.tls)
      unusable = "cannot use the certificates of " +
                 (options.certificate_authority.empty() ? "the system" : options.certificate_authority) +
                 ": " + error.message();
  }

  /// An idle connection that has something to say has nothing good to say: it was closed.
  bool stands() const {
    if (!plain && !secure) return false;
    auto& socket = plain ? plain->socket() : beast::get_lowest_layer(*secure).socket();
    char byte = 0;
    const auto got =
        ::recv(const_cast<asio::ip::tcp::socket&>(socket).native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  void drop() {
    plain.reset();
    secure.reset();
    buffer.clear();
  }

  asio::awaitable<void> connect() {
    drop();
    phase = Phase::Connecting;
    asio::ip::tcp::resolver resolver(*io);
    const auto found =
        co_await resolver.async_resolve(options.address.host, options.address.port, asio::use_awaitable);
    if (!options.address.tls) {
      plain.emplace(*io);
      plain->expires_after(options.connect_within);
      co_await plain->async_connect(found, asio::use_awaitable);
      co_return;
    }
    secure.emplace(*io, tls);
    SSL_set_tlsext_host_name(secure->native_handle(), options.address.host.c_str());
    secure->set_verify_callback(asio::ssl::host_name_verification(options.address.host));
    beast::get_lowest_layer(*secure).expires_after(options.connect_within);
    co_await beast::get_lowest_layer(*secure).async_connect(found, asio::use_awaitable);
    phase = Phase::Securing;
    co_await secure->async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
  }

  template <class Stream>
  asio::awaitable<void> exchange(Stream& stream, const Request& request, Answer& answer) {
    beast::get_lowest_layer(stream).expires_after(options.answer_within);
    http::request<http::string_body> message(http::string_to_verb(request.method), request.target, 11);
    message.set(http::field::host, options.address.authority());
    message.set(http::field::user_agent, "slipway/" SLIPWAY_VERSION);
    message.set(http::field::accept, request.accept);
    if (!options.token.empty()) message.set(http::field::authorization, "Bearer " + options.token);
    if (!request.last_event.empty()) message.set("Last-Event-ID", request.last_event);
    if (!request.body.empty()) message.set(http::field::content_type, "application/json");
    message.body() = request.body;
    message.prepare_payload();
    phase = Phase::Sent;
    co_await http::async_write(stream, message, asio::use_awaitable);

    http::response_parser<http::string_body> parser;
    parser.header_limit(kMostHeader);
    parser.body_limit(request.take ? boost::none : boost::optional<std::uint64_t>(options.most_bytes));
    co_await http::async_read_header(stream, buffer, parser, asio::use_awaitable);
    phase = Phase::Answering;
    answer.status = parser.get().result_int();
    answer.content_type = parser.get()[http::field::content_type];
    const std::string later = parser.get()[http::field::retry_after];
    std::from_chars(later.data(), later.data() + later.size(), answer.retry_after);
    const bool taken = request.take && answer.status == 200;
    bool enough = false;
    while (!parser.is_done() && !enough) {
      co_await http::async_read_some(stream, buffer, parser, asio::use_awaitable);
      auto& body = parser.get().body();
      if (taken) enough = !request.take(body);
      if (!taken && body.size() > options.most_bytes)
        throw boost::system::system_error(http::error::body_limit);
      if (taken) body.clear();
    }
    answer.body = std::move(parser.get().body());
    if (enough || !parser.get().keep_alive()) drop();
  }

  asio::awaitable<void> work(const Request& request, Answer& answer) {
    if (!stands()) co_await connect();
    if (plain) {
      co_await exchange(*plain, request, answer);
    } else {
      co_await exchange(*secure, request, answer);
    }
  }

  Error error_of(const boost::system::error_code& code) {
    const auto where = "the server at " + options.address.url() + ": ";
    if (phase == Phase::Securing) {
      const auto verdict = secure ? ::SSL_get_verify_result(secure->native_handle()) : X509_V_OK;
      if (verdict != X509_V_OK)
        return {ErrorClass::Unsupported,
                where + "its certificate is not trusted: " + ::X509_verify_cert_error_string(verdict) +
                    " (--certificate-authority names whom to trust)"};
      if (code.category() == asio::error::get_ssl_category())
        return {ErrorClass::Unsupported, where + "no TLS: " + code.message()};
    }
    if (is_http_error(code))
      return {ErrorClass::Unsupported, where + "the answer is no HTTP: " + code.message()};
    const bool reached = phase == Phase::Sent || phase == Phase::Answering;
    return {reached ? ErrorClass::Doubt : ErrorClass::Retry, where + text_of(code)};
  }

  ConnectionOptions options;
  std::optional<asio::io_context> io = std::nullopt;
  asio::ssl::context tls;
  std::string unusable;
  std::optional<Plain> plain;
  std::optional<Secure> secure;
  beast::flat_buffer buffer;
  Phase phase = Phase::Connecting;
};

Connection::Connection(ConnectionOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Connection::~Connection() = default;

Result<Answer> Connection::ask(const Request& request) {
  auto& state = *state_;
  if (!state.unusable.empty()) return Error{ErrorClass::Unsupported, state.unusable};
  Answer answer;
  std::optional<std::exception_ptr> end;
  state.phase = Phase::Connecting;
  if (!state.io) state.io.emplace(1);
  state.io->restart();
  asio::co_spawn(*state.io, state.work(request, answer), [&](std::exception_ptr error) { end = error; });
  // The streams have deadlines of their own; names are looked up without one.
  state.io->run_for(state.options.connect_within + state.options.answer_within + kFarewell);
  if (end && !*end) return answer;
  auto error = state.error_of(beast::error::timeout);
  try {
    if (end) std::rethrow_exception(*end);
  } catch (const boost::system::system_error& failure) {
    error = state.error_of(failure.code());
  }
  state.drop();
  if (!end) state.io.reset();  // and with it what still runs there
  return error;
}

}  // namespace slipway::client

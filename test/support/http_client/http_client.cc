#include "test/support/http_client/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace slipway::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr auto kPatience = std::chrono::seconds(30);

http::request<http::string_body> request_of(const std::string& method, const std::string& target,
                                            const std::string& body, const std::string& token,
                                            std::map<std::string, std::string> headers) {
  http::request<http::string_body> request;
  request.method_string(method);
  request.target(target);
  request.version(11);
  request.set(http::field::host, "127.0.0.1");
  if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  for (const auto& [name, value] : headers) request.set(name, value);
  request.body() = body;
  if (!body.empty() || method == "POST" || method == "PUT") request.prepare_payload();
  return request;
}

/// Runs what was started on the loop until it has ended.
template <class Start>
beast::error_code finish(asio::io_context& io, Start start) {
  beast::error_code result = asio::error::timed_out;
  start([&](const beast::error_code& error, auto&&...) { result = error; });
  io.restart();
  io.run();
  return result;
}

}  // namespace

HttpAnswer HttpClient::send(const std::string& method, const std::string& target, const std::string& body,
                            std::map<std::string, std::string> headers) const {
  asio::io_context io;
  beast::tcp_stream stream(io);
  stream.expires_after(kPatience);
  const asio::ip::tcp::endpoint where(asio::ip::make_address("127.0.0.1"),
                                      static_cast<unsigned short>(port_));
  if (finish(io, [&](auto done) { stream.async_connect(where, done); })) return {};
  const auto request = request_of(method, target, body, token_, std::move(headers));
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(64 << 20);
  parser.skip(method == "HEAD");
  finish(io, [&](auto done) { http::async_write(stream, request, done); });
  if (finish(io, [&](auto done) { http::async_read(stream, buffer, parser, done); })) return {};
  HttpAnswer answer{static_cast<int>(parser.get().result_int()), {}, parser.get().body()};
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    answer.headers[name] = std::string(field.value());
  }
  return answer;
}

int HttpClient::stream(const std::string& target, const std::function<bool(const std::string&)>& take,
                       std::map<std::string, std::string> headers) const {
  asio::io_context io;
  beast::tcp_stream stream(io);
  stream.expires_after(kPatience);
  const asio::ip::tcp::endpoint where(asio::ip::make_address("127.0.0.1"),
                                      static_cast<unsigned short>(port_));
  if (finish(io, [&](auto done) { stream.async_connect(where, done); })) return 0;
  const auto request = request_of("GET", target, "", token_, std::move(headers));
  finish(io, [&](auto done) { http::async_write(stream, request, done); });
  beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  if (finish(io, [&](auto done) { http::async_read_header(stream, buffer, parser, done); })) return 0;
  const auto status = static_cast<int>(parser.get().result_int());
  while (!parser.is_done()) {
    char piece[4096];
    parser.get().body().data = piece;
    parser.get().body().size = sizeof piece;
    const auto error = finish(io, [&](auto done) { http::async_read_some(stream, buffer, parser, done); });
    if (error && error != http::error::need_buffer) break;
    const auto got = sizeof piece - parser.get().body().size;
    if (got > 0 && !take(std::string(piece, got))) break;
  }
  return status;
}

RawConnection::RawConnection(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(fd_);
    fd_ = -1;
  }
}

RawConnection::~RawConnection() {
  if (fd_ >= 0) ::close(fd_);
}

bool RawConnection::write(const std::string& bytes) {
  return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

std::string RawConnection::read(int milliseconds) {
  std::string all;
  pollfd ready{fd_, POLLIN, 0};
  while (::poll(&ready, 1, milliseconds) > 0) {
    char piece[4096];
    const auto got = ::recv(fd_, piece, sizeof piece, 0);
    if (got <= 0) break;
    all.append(piece, static_cast<std::size_t>(got));
  }
  return all;
}

std::string RawConnection::read_some(int milliseconds) {
  pollfd ready{fd_, POLLIN, 0};
  if (::poll(&ready, 1, milliseconds) <= 0) return {};
  char piece[4096];
  const auto got = ::recv(fd_, piece, sizeof piece, 0);
  return got > 0 ? std::string(piece, static_cast<std::size_t>(got)) : std::string();
}

bool RawConnection::closed(int milliseconds) {
  pollfd ready{fd_, POLLIN, 0};
  char piece[4096];
  while (::poll(&ready, 1, milliseconds) > 0) {
    if (::recv(fd_, piece, sizeof piece, 0) <= 0) return true;
  }
  return false;
}

}  // namespace slipway::test

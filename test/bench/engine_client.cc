#include "test/bench/engine_client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <stdexcept>

namespace slipway::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Socket = asio::local::stream_protocol::socket;
using Parser = http::response_parser<http::string_body>;

constexpr const char* kVersion = "/v1.41";
constexpr std::size_t kLargestAnswer = 64u << 20;

http::request<http::string_body> request(std::string_view method, std::string_view target,
                                         std::string_view body, std::string_view content_type) {
  http::request<http::string_body> message;
  message.version(11);
  message.method_string({method.data(), method.size()});
  message.target(kVersion + std::string(target));
  message.set(http::field::host, "engine");
  if (!body.empty()) message.set(http::field::content_type, {content_type.data(), content_type.size()});
  message.body() = body;
  message.prepare_payload();
  return message;
}

}  // namespace

struct EngineClient::State {
  std::string path;
  asio::io_context io;
  std::optional<Socket> socket;
  boost::beast::flat_buffer buffer;
  std::optional<Parser> armed;
  std::optional<Socket> attached;

  Socket& connected() {
    if (!socket) {
      socket.emplace(io);
      socket->connect(asio::local::stream_protocol::endpoint(path));
      buffer.clear();
    }
    return *socket;
  }
  void after(const Parser& parser) {
    if (!parser.keep_alive()) socket.reset();
  }
};

EngineClient::EngineClient(std::string socket_path) : state_(std::make_unique<State>()) {
  state_->path = std::move(socket_path);
}
EngineClient::~EngineClient() = default;

Answer EngineClient::call(std::string_view method, std::string_view target, std::string_view body,
                          std::string_view content_type) {
  Socket& socket = state_->connected();
  http::write(socket, request(method, target, body, content_type));
  Parser parser;
  parser.body_limit(kLargestAnswer);
  http::read(socket, state_->buffer, parser);
  state_->after(parser);
  return {parser.get().result_int(), std::move(parser.get().body())};
}

std::string EngineClient::must(std::string_view method, std::string_view target, std::string_view body,
                               std::string_view content_type) {
  auto answer = call(method, target, body, content_type);
  if (answer.status / 100 != 2 && answer.status != 304)
    throw std::runtime_error(std::string(method) + " " + std::string(target) + ": " +
                             std::to_string(answer.status) + " " + answer.body);
  return std::move(answer.body);
}

void EngineClient::arm(std::string_view method, std::string_view target) {
  Socket& socket = state_->connected();
  http::write(socket, request(method, target, {}, {}));
  state_->armed.emplace();
  http::read_header(socket, state_->buffer, *state_->armed);
  if (state_->armed->get().result_int() != 200) throw std::runtime_error("wait refused");
}

std::string EngineClient::finish() {
  http::read(*state_->socket, state_->buffer, *state_->armed);
  std::string body = std::move(state_->armed->get().body());
  state_->after(*state_->armed);
  return body;
}

void EngineClient::attach(std::string_view container_id) {
  Socket& socket = state_->attached.emplace(state_->io);
  socket.connect(asio::local::stream_protocol::endpoint(state_->path));
  auto message = request(
      "POST", "/containers/" + std::string(container_id) + "/attach?stream=1&stdout=1&stderr=1", {}, {});
  message.set(http::field::connection, "Upgrade");
  message.set(http::field::upgrade, "tcp");
  http::write(socket, message);
  boost::beast::flat_buffer head;
  http::response_parser<http::empty_body> parser;
  http::read_header(socket, head, parser);
  if (parser.get().result_int() != 101) throw std::runtime_error("attach refused");
}

std::string EngineClient::drain() {
  std::string text;
  boost::system::error_code error;
  asio::read(*state_->attached, asio::dynamic_buffer(text), error);
  state_->attached.reset();
  return text;
}

}  // namespace slipway::bench

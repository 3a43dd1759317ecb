#include "runtime/docker/engine_client.h"

#include <sys/socket.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <random>
#include <utility>

#include "api/utf8.h"

namespace slipway::runtime {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Local = asio::local::stream_protocol;
using Socket = beast::basic_stream<Local>;

constexpr std::size_t kIdleConnections = 16;
constexpr std::size_t kPiece = 64 * 1024;
constexpr std::size_t kMostVersion = 32;
constexpr std::string_view kOldestApi = "1.41";
constexpr std::string_view kNewestApi = "1.51";

/// "1.9" < "1.41": compared as numbers.
std::pair<int, int> version_number(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return {0, 0};
  return {std::atoi(std::string(text.substr(0, dot)).c_str()),
          std::atoi(std::string(text.substr(dot + 1)).c_str())};
}

struct Connection {
  explicit Connection(const asio::any_io_executor& io) : socket(io) {}
  Socket socket;
  beast::flat_buffer buffer;
  EngineProcess engine;
  bool used = false;      ///< has carried a request before
  bool answered = false;  ///< and brought an answer
};

/// The engine closed it while it was idle, or left bytes nobody asked for.
bool is_stale(Connection& connection) {
  char byte = 0;
  const ssize_t got = recv(connection.socket.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return !(got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}

bool only_reads(const EngineRequest& request) { return request.method == "GET" || request.method == "HEAD"; }

std::string random_name() {
  std::random_device source;
  return std::to_string(source()) + std::to_string(source());
}

class Stream final : public EngineStream {
 public:
  explicit Stream(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {
    parser_.body_limit(boost::none);
  }
  ~Stream() override { close(); }
  int status() const override { return static_cast<int>(parser_.get().result_int()); }
  const std::string& path_stat() const override { return path_stat_; }
  void close() override {
    error_code ignored;
    connection_->socket.socket().close(ignored);
  }
  asio::awaitable<Result<std::string>> read(std::chrono::milliseconds idle) override {
    std::string piece(kPiece, '\0');
    while (!parser_.is_done()) {
      auto& body = parser_.get().body();
      body.data = piece.data();
      body.size = piece.size();
      connection_->socket.expires_after(idle);
      error_code error;
      co_await http::async_read_some(connection_->socket, connection_->buffer, parser_,
                                     asio::redirect_error(asio::use_awaitable, error));
      const std::size_t got = piece.size() - body.size;
      if (error == http::error::need_buffer) error = {};
      if (got > 0) {
        piece.resize(got);
        co_return piece;
      }
      if (error) co_return Error{ErrorClass::Retry, "engine stream: " + error.message()};
    }
    co_return std::string();
  }

  http::response_parser<http::buffer_body> parser_;
  std::unique_ptr<Connection> connection_;
  std::string path_stat_;
};

}  // namespace

class EngineClient::Impl {
 public:
  Impl(asio::any_io_executor io, std::string socket_path, std::string pid_file,
       std::chrono::milliseconds connect_timeout, EngineProbe* probe, Host& host)
      : io_(std::move(io)),
        socket_path_(std::move(socket_path)),
        pid_file_(std::move(pid_file)),
        connect_timeout_(connect_timeout),
        probe_(probe),
        host_(host) {}

  asio::awaitable<Result<EngineResponse>> call(EngineRequest request) {
    if (auto ready = co_await negotiate(request); !ready) co_return ready.error();
    const auto began = std::chrono::steady_clock::now();
    auto answer = co_await exchange_with_retry(request);
    const auto took = std::chrono::steady_clock::now() - began;
    if (probe_) probe_->on_request(request.op, answer ? answer->status : 0, took);
    if (!answer && took >= request.timeout) co_await ask_whether_it_answers();
    co_return answer;
  }

  asio::awaitable<Result<std::shared_ptr<EngineStream>>> open(EngineRequest request) {
    if (auto ready = co_await negotiate(request); !ready) co_return ready.error();
    const auto began = std::chrono::steady_clock::now();
    auto stream = co_await open_stream(request);
    if (probe_)
      probe_->on_request(request.op, stream ? (*stream)->status() : 0,
                         std::chrono::steady_clock::now() - began);
    co_return stream;
  }

  std::string api_version_;

 private:
  /// After a time-out: whether it is the engine that is away, or only what was asked about that hangs in it.
  asio::awaitable<void> ask_whether_it_answers() {
    if (!probe_) co_return;
    const auto began = std::chrono::steady_clock::now();
    EngineRequest ping{
        .op = "ping", .target = "/_ping", .timeout = std::chrono::milliseconds(2000), .versioned = false};
    const auto answer = co_await exchange_with_retry(ping);
    probe_->on_request(ping.op, answer ? answer->status : 0, std::chrono::steady_clock::now() - began);
  }

  /// Asks once per client which version to speak. Engines from 20.10 to 29 meet in 1.41…1.51.
  asio::awaitable<Result<void>> negotiate(const EngineRequest& request) {
    if (!api_version_.empty() || !request.versioned) co_return Result<void>();
    EngineRequest ping{
        .op = "ping", .target = "/_ping", .timeout = std::chrono::milliseconds(5000), .versioned = false};
    auto answer = co_await exchange_with_retry(ping);
    if (!answer) co_return Error{ErrorClass::Retry, answer.error().message};
    if (!answer->podman.empty()) {
      co_return Error{
          ErrorClass::Unsupported,
          "the socket is that of Podman " + answer->podman +
              ", whose limits and logs are others: Slipway needs a Docker Engine, 20.10 or newer"};
    }
    const std::string offered = answer->path_stat;  // exchange() puts Api-Version there for a ping
    if (answer->status != 200 || version_number(offered) < version_number(kOldestApi)) {
      co_return Error{answer->status == 200 ? ErrorClass::Unsupported : ErrorClass::Retry,
                      "engine ping: status " + std::to_string(answer->status) + ", API " + offered};
    }
    api_version_ = version_number(offered) < version_number(kNewestApi) ? offered : std::string(kNewestApi);
    co_return Result<void>();
  }

  http::request<http::string_body> message(const EngineRequest& request) const {
    const std::string prefix = request.versioned ? "/v" + api_version_ : "";
    http::request<http::string_body> message(http::string_to_verb(request.method), prefix + request.target,
                                             11);
    message.set(http::field::host, "engine");
    message.set(http::field::user_agent, "slipway/" SLIPWAY_VERSION);
    if (!request.registry_auth.empty()) message.set("X-Registry-Auth", request.registry_auth);
    if (!request.body.empty()) message.set(http::field::content_type, request.content_type);
    message.body() = request.body;
    message.prepare_payload();
    return message;
  }

  asio::awaitable<Result<std::unique_ptr<Connection>>> connect() {
    auto connection = std::make_unique<Connection>(io_);
    connection->socket.expires_after(connect_timeout_);
    error_code error;
    co_await connection->socket.async_connect(Local::endpoint(socket_path_),
                                              asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return Error{ErrorClass::Retry, "engine connect: " + error.message()};
    co_return connection;
  }

  /// Asked once an answer is here, and of calls only: what a stream brings is believed on its own. Who holds
  /// the door open need not be who answers: a socket of systemd's takes connections while there is no engine,
  /// and the next one answers them.
  Result<void> identify(Connection& connection) const {
    const std::string fallback = "unknown-" + life_ + "-" + std::to_string(broken_);
    auto engine = identify_engine(host_, connection.socket.socket().native_handle(), pid_file_, fallback);
    if (!engine) return engine.error();
    connection.engine = std::move(*engine);
    connection.answered = true;
    return {};
  }

  asio::awaitable<Result<std::unique_ptr<Connection>>> take() {
    while (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      if (!is_stale(*connection)) co_return connection;
      ++broken_;
    }
    co_return co_await connect();
  }

  /// A kept connection can die between the peek and the write. A request that only reads, and of whose answer
  /// not one byte came, is sent once more on a fresh connection.
  asio::awaitable<Result<EngineResponse>> exchange_with_retry(const EngineRequest& request) {
    bool may_retry = only_reads(request);
    while (true) {
      auto connection = co_await take();
      if (!connection) co_return connection.error();
      const bool reused = (*connection)->used;
      bool nothing_received = false;
      auto answer = co_await exchange(request, std::move(*connection), nothing_received);
      if (answer || !nothing_received || !reused || !may_retry) co_return answer;
      may_retry = false;
    }
  }

  Error lost(const EngineRequest& request, const error_code& error) {
    ++broken_;
    return Error{only_reads(request) ? ErrorClass::Retry : ErrorClass::Doubt,
                 std::string(request.op) + ": " + error.message()};
  }

  asio::awaitable<Result<EngineResponse>> exchange(const EngineRequest& request,
                                                   std::unique_ptr<Connection> connection,
                                                   bool& nothing_received) {
    connection->used = true;
    connection->socket.expires_after(request.timeout);
    error_code error;
    auto sent = message(request);
    co_await http::async_write(connection->socket, sent, asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      nothing_received = error != beast::error::timeout;
      co_return lost(request, error);
    }
    http::response_parser<http::string_body> parser;
    parser.body_limit(request.body_cap);
    parser.skip(request.method == "HEAD");
    co_await http::async_read(connection->socket, connection->buffer, parser,
                              asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      nothing_received = !parser.got_some() && error != beast::error::timeout;
      co_return lost(request, error);
    }
    if (!connection->answered) {
      if (const auto known = identify(*connection); !known)
        co_return Error{only_reads(request) ? ErrorClass::Retry : ErrorClass::Doubt, known.error().message};
    }
    EngineResponse response;
    response.status = static_cast<int>(parser.get().result_int());
    response.body = std::move(parser.get().body());
    response.path_stat =
        std::string(parser.get()[request.op == "ping" ? "Api-Version" : "X-Docker-Container-Path-Stat"]);
    if (request.op == "ping") response.podman = excerpt(parser.get()["Libpod-Api-Version"], kMostVersion);
    response.engine = connection->engine;
    if (parser.keep_alive() && idle_.size() < kIdleConnections) {
      connection->socket.expires_never();
      idle_.push_back(std::move(connection));
    }
    co_return response;
  }

  asio::awaitable<Result<std::shared_ptr<EngineStream>>> open_stream(const EngineRequest& request) {
    auto connection = co_await connect();
    if (!connection) co_return connection.error();
    auto stream = std::make_shared<Stream>(std::move(*connection));
    auto& socket = stream->connection_->socket;
    socket.expires_after(request.timeout);
    error_code error;
    auto sent = message(request);
    co_await http::async_write(socket, sent, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return lost(request, error);
    co_await http::async_read_header(socket, stream->connection_->buffer, stream->parser_,
                                     asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return lost(request, error);
    stream->path_stat_ = std::string(stream->parser_.get()["X-Docker-Container-Path-Stat"]);
    co_return std::static_pointer_cast<EngineStream>(stream);
  }

  asio::any_io_executor io_;
  std::string socket_path_;
  std::string pid_file_;
  std::chrono::milliseconds connect_timeout_;
  EngineProbe* probe_;
  std::deque<std::unique_ptr<Connection>> idle_;
  Host& host_;
  std::string life_ = random_name();
  std::uint64_t broken_ = 0;
};

EngineClient::EngineClient(asio::any_io_executor io, std::string socket_path, std::string pid_file,
                           std::chrono::milliseconds connect_timeout, EngineProbe* probe, Host& host)
    : impl_(std::make_unique<Impl>(std::move(io), std::move(socket_path), std::move(pid_file),
                                   connect_timeout, probe, host)) {}
EngineClient::~EngineClient() = default;

asio::awaitable<Result<EngineResponse>> EngineClient::call(EngineRequest request) {
  return impl_->call(std::move(request));
}
asio::awaitable<Result<std::shared_ptr<EngineStream>>> EngineClient::open(EngineRequest request) {
  return impl_->open(std::move(request));
}
void EngineClient::forget_version() { impl_->api_version_.clear(); }
const std::string& EngineClient::api_version() const { return impl_->api_version_; }

}  // namespace slipway::runtime

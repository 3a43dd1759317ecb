#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace slipway::test {

/// Where a request stands when the proxy asks what is to become of it.
enum class Moment {
  Before,  ///< it has come and has not been passed on
  After,   ///< its answer has come and has not been passed on
};

/// Bytes to pass on; with a name where they are a request worth telling of.
struct Piece {
  std::string bytes;
  std::string name;
};

/// What one connection speaks: cuts the client's bytes into requests and sees when they are answered.
class Dialect {
 public:
  virtual ~Dialect() = default;
  /// What can be passed on after `bytes` came from the client; an unfinished head is kept back.
  virtual std::vector<Piece> from_client(const std::string& bytes) = 0;
  /// true: `bytes` of the server answer the request passed on last.
  virtual bool from_server(const std::string& bytes) = 0;
  /// What a server says that does not take the request it was sent last, with this code.
  virtual std::string refusal(const std::string& /*code*/) { return {}; }
};

/// Stands between clients and a server on unix sockets, and tells of every named request that passes.
/// A thread for each connection. Requests on one connection follow each other's answers.
class Proxy {
 public:
  /// Called on the proxy's threads, several at a time. false: the connection is cut, nothing is passed on.
  using OnPoint = std::function<bool(const std::string& name, Moment moment)>;
  /// Asked of each named request before anything else: the code it is refused with, in place of the server;
  /// empty: it is not.
  using Refuse = std::function<std::string(const std::string& name)>;
  using MakeDialect = std::function<std::unique_ptr<Dialect>()>;

  /// Throws std::runtime_error when `socket_path` cannot be listened on.
  Proxy(const std::string& socket_path, std::string server_path, MakeDialect make_dialect, OnPoint on_point,
        Refuse refuse = nullptr);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

 private:
  void accept_all();
  void serve(int client);

  std::string server_path_;
  MakeDialect make_dialect_;
  OnPoint on_point_;
  Refuse refuse_;
  int listener_;
  std::atomic<bool> ending_ = false;
  std::list<std::thread> connections_;  // touched by the accepting thread alone, until it has ended
  std::thread acceptor_;
};

/// One for all connections of a proxy: what one learns of ids, the others know.
Proxy::MakeDialect engine_dialect();
/// `reads`: requests that only read are named, too.
Proxy::MakeDialect postgres_dialect(bool reads = false);

}  // namespace slipway::test

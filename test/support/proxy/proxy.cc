#include "test/support/proxy/proxy.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace slipway::test {
namespace {

constexpr int kLookAround = 50;  // ms between looks at whether the proxy is to end

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

int new_socket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

bool send_all(int fd, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t wrote = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (wrote <= 0) return false;
    sent += static_cast<std::size_t>(wrote);
  }
  return true;
}

std::string receive(int fd) {
  std::string bytes(65536, '\0');
  const ssize_t got = recv(fd, bytes.data(), bytes.size(), 0);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

/// One client, one server, and what is said between them.
class Link {
 public:
  Link(int client, int server, Dialect& dialect, const Proxy::OnPoint& on_point, const Proxy::Refuse& refuse)
      : client_(client), server_(server), dialect_(dialect), on_point_(on_point), refuse_(refuse) {}

  /// false: the connection is over.
  bool turn() {
    pollfd both[] = {{client_, POLLIN, 0}, {server_, POLLIN, 0}};
    if (poll(both, 2, kLookAround) < 0) return false;
    return (both[1].revents == 0 || answer()) && (both[0].revents == 0 || request());
  }

 private:
  bool request() {
    const auto bytes = receive(client_);
    if (bytes.empty()) return false;
    for (const auto& piece : dialect_.from_client(bytes)) {
      const auto code = refuse_ && !piece.name.empty() ? refuse_(piece.name) : "";
      if (!code.empty()) {
        if (!send_all(client_, dialect_.refusal(code))) return false;
        continue;
      }
      if (!piece.name.empty() && !on_point_(piece.name, Moment::Before)) return false;
      if (!piece.name.empty()) unanswered_ = piece.name;
      if (!send_all(server_, piece.bytes)) return false;
    }
    return true;
  }

  bool answer() {
    const auto bytes = receive(server_);
    if (bytes.empty()) return false;
    if (dialect_.from_server(bytes) && !unanswered_.empty()) {
      const auto name = std::exchange(unanswered_, "");
      if (!on_point_(name, Moment::After)) return false;
    }
    return send_all(client_, bytes);
  }

  int client_;
  int server_;
  Dialect& dialect_;
  const Proxy::OnPoint& on_point_;
  const Proxy::Refuse& refuse_;
  std::string unanswered_;
};

}  // namespace

Proxy::Proxy(const std::string& socket_path, std::string server_path, MakeDialect make_dialect,
             OnPoint on_point, Refuse refuse)
    : server_path_(std::move(server_path)),
      make_dialect_(std::move(make_dialect)),
      on_point_(std::move(on_point)),
      refuse_(std::move(refuse)),
      listener_(new_socket()) {
  const auto address = address_of(socket_path);
  unlink(socket_path.c_str());
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 128) != 0) {
    close(listener_);
    throw std::runtime_error("cannot listen on " + socket_path);
  }
  acceptor_ = std::thread([this] { accept_all(); });
}

Proxy::~Proxy() {
  ending_ = true;
  acceptor_.join();
  for (auto& connection : connections_) connection.join();
  close(listener_);
}

void Proxy::accept_all() {
  while (!ending_) {
    pollfd incoming{listener_, POLLIN, 0};
    if (poll(&incoming, 1, kLookAround) <= 0) continue;
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) connections_.emplace_back([this, client] { serve(client); });
  }
}

void Proxy::serve(int client) {
  const int server = new_socket();
  const auto address = address_of(server_path_);
  if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const auto dialect = make_dialect_();
    Link link(client, server, *dialect, on_point_, refuse_);
    while (!ending_ && link.turn()) continue;
  }
  close(server);
  close(client);
}

}  // namespace slipway::test

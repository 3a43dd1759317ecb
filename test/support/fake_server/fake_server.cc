#include "test/support/fake_server/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace slipway::test {
namespace {

constexpr int kPatience = 30'000;  // milliseconds

/// Up to the end of the header and of as much body as that says; false: the client is gone.
bool read_request(int client) {
  std::string text;
  char buffer[4096];
  while (true) {
    const auto end = text.find("\r\n\r\n");
    const auto length = text.find("Content-Length: ");
    const auto body = length == std::string::npos ? 0 : std::stoul(text.substr(length + 16));
    if (end != std::string::npos && text.size() >= end + 4 + body) return true;
    pollfd wait{client, POLLIN, 0};
    if (::poll(&wait, 1, kPatience) <= 0) return false;
    const auto got = ::recv(client, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

FakeServer::FakeServer(std::vector<std::string> replies)
    : replies_(std::move(replies)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

FakeServer::~FakeServer() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::string FakeServer::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

void FakeServer::serve() {
  while (true) {
    const int client = ::accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    answer(client);
    ::close(client);
  }
}

void FakeServer::answer(int client) {
  if (!read_request(client)) return;
  const auto turn = static_cast<std::size_t>(asked_++);
  const auto& reply = replies_[std::min(turn, replies_.size() - 1)];
  if (reply == kSilence) {
    pollfd wait{client, POLLIN, 0};
    ::poll(&wait, 1, kPatience);
    return;
  }
  ::send(client, reply.data(), reply.size(), MSG_NOSIGNAL);
}

}  // namespace slipway::test

#include "test/support/house/slipwayd_process.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include <csignal>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace slipway::test {
namespace {

constexpr int kReadyMs = 20'000;
constexpr std::size_t kLastWords = 4000;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

}  // namespace

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no free port");
  }
  close(fd);
  return ntohs(address.sin_port);
}

void SlipwaydProcess::start(bool wait) {
  port_ = free_port();
  std::vector<std::string> command = {SLIPWAYD_BINARY,
                                      "--config",
                                      options_.config,
                                      "--database-url",
                                      options_.database_url,
                                      "--engine-socket",
                                      options_.engine_socket,
                                      "--engine-io",
                                      options_.io,
                                      "--state-dir",
                                      options_.state_dir,
                                      "--node-name",
                                      options_.node,
                                      "--http-listen",
                                      "127.0.0.1:" + std::to_string(port_)};
  command.insert(command.end(), options_.more.begin(), options_.more.end());
  process_.start(command, options_.log_file);
  if (!wait) return;
  if (wait_until([this] { return ready() || !running(); }, kReadyMs) && ready()) return;
  const auto words = log();
  throw std::runtime_error("slipwayd did not become ready:\n" +
                           words.substr(words.size() - std::min(words.size(), kLastWords)));
}

bool SlipwaydProcess::detach() {
  process_.signal(SIGTERM);
  return process_.wait_exit(10'000);
}

std::string SlipwaydProcess::get(const std::string& path) const {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{5, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const auto address = loopback(port_);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const auto request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
      char buffer[8192];
      for (ssize_t got; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;)
        answer.append(buffer, static_cast<std::size_t>(got));
    }
  }
  close(fd);
  const auto body = answer.find("\r\n\r\n");
  return body == std::string::npos ? "" : answer.substr(body + 4);
}

bool SlipwaydProcess::ready() const { return get("/readyz").find("\"ready\":true") != std::string::npos; }

std::string SlipwaydProcess::log() const {
  std::ifstream file(options_.log_file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace slipway::test

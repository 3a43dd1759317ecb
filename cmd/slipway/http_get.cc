#include "cmd/slipway/http_get.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

namespace slipway::cli {
namespace {

constexpr std::size_t kMostAnswer = 64 << 10;

class Socket {
 public:
  explicit Socket(int family) : descriptor_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Error failure(int code) {
  const auto text = std::string(std::strerror(code));
  if (code == ENOENT || code == ENOTDIR) return {ErrorClass::NotFound, text};
  if (code == EACCES || code == EPERM) return {ErrorClass::Unsupported, text};
  return {ErrorClass::Retry, text};
}

Result<void> connect(const Socket& socket, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error{ErrorClass::NotFound, "the path of the socket is too long"};
  path.copy(address.sun_path, path.size());
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return failure(errno);
  return {};
}

HttpAnswer parse(const std::string& raw) {
  HttpAnswer answer;
  const auto space = raw.find(' ');
  if (space != std::string::npos)
    std::from_chars(raw.data() + space + 1, raw.data() + raw.size(), answer.status);
  const auto end = raw.find("\r\n\r\n");
  if (end != std::string::npos) answer.body = raw.substr(end + 4);
  return answer;
}

Result<HttpAnswer> exchange(const Socket& socket, const std::string& path,
                            std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  // 1.0: the server closes after its answer, which is then read to the end.
  const auto request = "GET " + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return failure(errno);
  std::string raw;
  char buffer[4096];
  while (raw.size() < kMostAnswer) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wait{socket.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0) {
      return Error{ErrorClass::Retry, "no answer within " + std::to_string(timeout.count()) + " ms"};
    }
    const auto got = ::recv(socket.get(), buffer, sizeof buffer, 0);
    if (got < 0) return failure(errno);
    if (got == 0) break;
    raw.append(buffer, static_cast<std::size_t>(got));
  }
  const auto answer = parse(raw);
  if (answer.status == 0) return Error{ErrorClass::Retry, "the answer is not HTTP"};
  return answer;
}

}  // namespace

Result<HttpAnswer> get_over_unix(const std::string& path_of_socket, const std::string& path,
                                 std::chrono::milliseconds timeout) {
  const Socket socket(AF_UNIX);
  if (auto connected = connect(socket, path_of_socket); !connected) return connected.error();
  return exchange(socket, path, timeout);
}

int peer_of_unix(const std::string& path_of_socket) {
  const Socket socket(AF_UNIX);
  if (!connect(socket, path_of_socket)) return 0;
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

Result<HttpAnswer> get_over_tcp(int port, const std::string& path, std::chrono::milliseconds timeout) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const Socket socket(AF_INET);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return failure(errno);
  return exchange(socket, path, timeout);
}

std::string engine_problem(const std::string& socket) {
  const auto answer = get_over_unix(socket, "/_ping", std::chrono::seconds(5));
  if (answer && answer->status == 200) return "";
  if (answer)
    return socket + " answers, but not as a container engine (status " + std::to_string(answer->status) + ")";
  switch (answer.error().error_class) {
    case ErrorClass::NotFound:
      return "no container engine at " + socket + ": install one (Debian: docker.io) or name its socket";
    case ErrorClass::Unsupported:
      return "no permission to open " + socket +
             ": run as root, or join the group that owns it (usually `docker`)";
    case ErrorClass::Retry:
    case ErrorClass::Doubt:
    case ErrorClass::Conflict:
    case ErrorClass::Invalid:
    case ErrorClass::StorageFull:
      break;
  }
  return "the container engine at " + socket + " does not answer (" + answer.error().message +
         "): is dockerd running?";
}

}  // namespace slipway::cli

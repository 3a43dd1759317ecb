#include "test/support/pgbouncer/pgbouncer.h"

#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace slipway::test {
namespace {

sockaddr_in local(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = local(0);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

[[noreturn]] void become(const std::string& ini) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::geteuid() == 0) {
    const auto* user = ::getpwnam("nobody");
    if (user == nullptr || ::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 ||
        ::setuid(user->pw_uid) != 0)
      ::_exit(126);
  }
  ::execl("/usr/sbin/pgbouncer", "pgbouncer", "-q", ini.c_str(), nullptr);
  ::_exit(127);
}

}  // namespace

PgBouncer::PgBouncer(int server_port) : port_(free_port()) {
  std::string pattern = "/tmp/slipway-pgbouncer-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no directory for pgbouncer");
  directory_ = pattern;
  std::filesystem::permissions(directory_, std::filesystem::perms::all);
  const auto ini = (directory_ / "pgbouncer.ini").string();
  std::ofstream(ini) << "[databases]\n* = host=127.0.0.1 port=" << server_port
                     << " user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = " << port_
                     << "\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = "
                        "2\nmax_client_conn = 100\nlogfile = "
                     << (directory_ / "log").string() << "\n";
  pid_ = ::fork();
  if (pid_ == 0) become(ini);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!answers()) {
    if (std::chrono::steady_clock::now() > end || ::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      std::stringstream log;
      log << std::ifstream(directory_ / "log").rdbuf();
      throw std::runtime_error("pgbouncer does not answer: " + log.str());
    }
    std::this_thread::yield();
  }
}

PgBouncer::~PgBouncer() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

bool PgBouncer::answers() const {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = local(port_);
  const bool open = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return open;
}

std::string PgBouncer::url(const std::string& database) const {
  return "postgresql://postgres@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

}  // namespace slipway::test

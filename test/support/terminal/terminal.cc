#include "test/support/terminal/terminal.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace slipway::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);

}  // namespace

Terminal::Terminal(std::vector<std::string> argv, std::map<std::string, std::string> environment) {
  winsize size{50, 200, 0, 0};
  pid_ = ::forkpty(&master_, nullptr, nullptr, &size);
  if (pid_ < 0) throw std::runtime_error("forkpty");
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const auto& [name, value] : environment) {
    if (value.empty()) {
      ::unsetenv(name.c_str());
    } else {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  std::vector<char*> words;
  for (auto& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  ::_exit(127);
}

Terminal::~Terminal() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(master_);
}

void Terminal::type(const std::string& keys) const {
  if (::write(master_, keys.data(), keys.size()) < 0) throw std::runtime_error("nobody is at this terminal");
}

// False once the other side is closed.
bool Terminal::read_some() {
  pollfd ready{master_, POLLIN, 0};
  if (::poll(&ready, 1, 100) <= 0) return true;
  char buffer[4096];
  const auto got = ::read(master_, buffer, sizeof buffer);
  if (got > 0) screen_.append(buffer, static_cast<std::size_t>(got));
  return got > 0;
}

bool Terminal::shows(const std::function<bool(const std::string&)>& done) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!done(screen_)) {
    if (std::chrono::steady_clock::now() > end || !read_some()) return done(screen_);
  }
  return true;
}

bool Terminal::shows(const std::string& part) {
  return shows([&](const std::string& screen) { return screen.find(part) != std::string::npos; });
}

int Terminal::finish() {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (read_some() && std::chrono::steady_clock::now() < end) {
  }
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) {
    ::kill(pid_, std::chrono::steady_clock::now() < end ? 0 : SIGKILL);
    ::waitpid(pid_, &status, 0);
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace slipway::test

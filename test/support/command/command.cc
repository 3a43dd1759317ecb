#include "test/support/command/command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace slipway::test {
namespace {

/// Ten thousand rows take a program without optimisation, on a machine that has other work, more than half a
/// minute.
constexpr std::chrono::seconds kPatience{120};

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void redirect(const std::string& path, int flags, int target) {
  const int descriptor = ::open(path.c_str(), flags, 0600);
  ::dup2(descriptor, target);
  ::close(descriptor);
}

}  // namespace

std::string built(const std::string& path) {
  const char* build = std::getenv("SLIPWAY_BUILD_DIR");
  if (build == nullptr) throw std::runtime_error("run me through ctest, or set SLIPWAY_BUILD_DIR");
  return std::string(build) + "/" + path;
}

Command::Command(std::vector<std::string> argv, std::map<std::string, std::string> environment,
                 const std::string& input) {
  char directory[] = "/tmp/slipway-command-XXXXXX";
  if (::mkdtemp(directory) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = directory;
  std::ofstream(directory_ + "/in") << input;
  pid_ = ::fork();
  if (pid_ != 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  redirect(directory_ + "/in", O_RDONLY, STDIN_FILENO);
  redirect(directory_ + "/out", O_WRONLY | O_CREAT, STDOUT_FILENO);
  redirect(directory_ + "/err", O_WRONLY | O_CREAT, STDERR_FILENO);
  for (const auto& [name, value] : environment) {
    if (value.empty()) {
      ::unsetenv(name.c_str());
    } else {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  // Sockets of a server in this process are not the child's: it would keep them open.
  ::close_range(3, ~0U, 0);
  std::vector<char*> words;
  for (auto& word : argv) words.push_back(word.data());
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  ::_exit(127);
}

Command::~Command() {
  if (!ended()) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status_, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Command::signal(int number) const { ::kill(pid_, number); }

bool Command::ended() {
  if (!ended_) ended_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
  return ended_;
}

Ran Command::finish(std::chrono::seconds timeout) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!ended() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  if (!ended()) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status_, 0);
    ended_ = true;
  }
  const int code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  return {code, out(), err()};
}

std::string Command::out() const { return read_all(directory_ + "/out"); }
std::string Command::err() const { return read_all(directory_ + "/err"); }

Ran run(std::vector<std::string> argv, std::map<std::string, std::string> environment,
        const std::string& input) {
  return Command(std::move(argv), std::move(environment), input).finish(kPatience);
}

}  // namespace slipway::test

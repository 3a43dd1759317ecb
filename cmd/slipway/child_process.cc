#include "cmd/slipway/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>

#include "api/utf8.h"
#include "cmd/slipway/session.h"

namespace slipway::cli {
namespace {

// Between fork and exec: nothing that allocates. Ends with 126 where the program could not be started.
[[noreturn]] void become(const Launch& launch, char* const* argv, int log, pid_t parent) {
  ::setpgid(0, 0);
  if (launch.user &&
      (::setgroups(0, nullptr) != 0 || ::setgid(launch.group) != 0 || ::setuid(*launch.user) != 0))
    ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(126);  // we died before the line above
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null = ::open("/dev/null", O_RDONLY);
  if (::chdir(launch.directory.c_str()) != 0) ::_exit(126);
  ::dup2(null, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv(argv[0], argv);
  const char* why = std::strerror(errno);
  if (::write(STDERR_FILENO, why, std::strlen(why)) < 0) ::_exit(127);
  ::_exit(127);
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const Launch& launch) {
  const int log = ::open(launch.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0)
    return Error{ErrorClass::Invalid, "cannot write " + launch.log_file + ": " + std::strerror(errno)};
  std::vector<char*> argv;
  for (const auto& argument : launch.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const auto parent = ::getpid();
  const auto pid = ::fork();
  if (pid == 0) become(launch, argv.data(), log, parent);
  ::close(log);
  if (pid < 0) return Error{ErrorClass::Retry, "cannot start " + launch.name + ": " + std::strerror(errno)};
  return ChildProcess(launch.name, launch.log_file, pid);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : name_(std::move(other.name_)),
      log_file_(std::move(other.log_file_)),
      pid_(other.pid_),
      ended_(other.ended_),
      status_(other.status_) {
  other.pid_ = -1;
}

ChildProcess::~ChildProcess() {
  if (pid_ > 0) stop(SIGKILL, std::chrono::seconds(5));
}

bool ChildProcess::ended() {
  if (ended_ || pid_ <= 0) return true;
  if (::waitpid(pid_, &status_, WNOHANG) == pid_) ended_ = true;
  return ended_;
}

std::string ChildProcess::obituary() const {
  std::string text = name_;
  if (WIFSIGNALED(status_)) {
    text += " was killed by signal " + std::to_string(WTERMSIG(status_)) + " (" +
            ::strsignal(WTERMSIG(status_)) + ")";
  } else {
    text += " ended with exit code " + std::to_string(WEXITSTATUS(status_));
  }
  return text;
}

std::string ChildProcess::last_lines(std::size_t lines) const {
  std::ifstream file(log_file_);
  std::deque<std::string> tail;
  for (std::string line; std::getline(file, line);) {
    tail.push_back(line);
    if (tail.size() > lines) tail.pop_front();
  }
  std::string text;
  for (const auto& line : tail) text += "  " + name_ + "| " + excerpt(line, 500) + "\n";
  return text;
}

bool ChildProcess::wait(std::chrono::milliseconds timeout) {
  return poll_until(timeout, [&] { return ended(); });
}

void ChildProcess::stop(int signal, std::chrono::milliseconds patience) {
  if (ended()) return;
  ::kill(pid_, signal);
  if (wait(patience)) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
  wait(std::chrono::seconds(5));
}

Result<void> run_to_end(const Launch& launch, std::chrono::milliseconds timeout) {
  auto child = ChildProcess::start(launch);
  if (!child) return child.error();
  if (!child->wait(timeout)) {
    child->stop(SIGKILL, std::chrono::seconds(5));
    return Error{ErrorClass::Retry,
                 launch.name + " did not end within " + std::to_string(timeout.count() / 1000) + " s"};
  }
  const auto words = child->obituary();
  if (words.ends_with(" exit code 0")) return {};
  return Error{ErrorClass::Invalid, words + "; its last lines:\n" + child->last_lines(5)};
}

}  // namespace slipway::cli

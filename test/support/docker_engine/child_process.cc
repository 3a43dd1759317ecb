#include "test/support/docker_engine/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace slipway::test {

void ChildProcess::start(const std::vector<std::string>& command, const std::string& log_file) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t parent = getpid();
  exit_code_ = -1;
  pid_ = fork();
  if (pid_ != 0) return;
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves no server behind
  if (getppid() != parent) _exit(126);
  const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(log, 1);
  dup2(log, 2);
  dup2(open("/dev/null", O_RDONLY), 0);
  for (int fd = 3; fd < 1024; ++fd) close(fd);
  execvp(words[0], words.data());
  _exit(127);
}

void ChildProcess::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

bool ChildProcess::running() {
  if (pid_ <= 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == 0) return true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  pid_ = -1;
  return false;
}

bool ChildProcess::wait_exit(int timeout_ms) {
  return wait_until([this] { return !running(); }, timeout_ms);
}

void ChildProcess::kill_and_wait() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

bool wait_until(const std::function<bool()>& condition, int timeout_ms) {
  const auto begin = std::chrono::steady_clock::now();
  while (!condition()) {
    const auto waited =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin)
            .count();
    if (waited > timeout_ms) return false;
    // A twentieth of what was waited: asking at once what comes at once, and leaving the machine to what
    // takes long.
    poll(nullptr, 0, static_cast<int>(std::clamp<long>(waited / 20, 10, 50)));
  }
  return true;
}

}  // namespace slipway::test

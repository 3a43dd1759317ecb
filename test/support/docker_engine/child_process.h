#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace slipway::test {

/// A server this test started, in a session of its own, its output in a file. Killed when the object goes.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { kill_and_wait(); }

  void start(const std::vector<std::string>& command, const std::string& log_file);
  void signal(int number) const;
  /// Waits for the exit; false: still there at the deadline.
  bool wait_exit(int timeout_ms);
  void kill_and_wait();
  bool running();
  pid_t pid() const { return pid_; }
  /// Of the one started last; -1: it has not ended by itself, or it died by a signal.
  int exit_code() const { return exit_code_; }

 private:
  pid_t pid_ = -1;
  int exit_code_ = -1;
};

/// Polls until `condition` holds; false at the deadline.
bool wait_until(const std::function<bool()>& condition, int timeout_ms);

}  // namespace slipway::test

#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "api/result.h"

namespace slipway::cli {

/// How a program is started. It gets a process group of its own (a Ctrl-C at the terminal reaches only us,
/// who then stop everything in order) and a SIGTERM should we die without having stopped it.
struct Launch {
  std::string name;               ///< for people: "postgres"
  std::vector<std::string> argv;  ///< argv[0] is a path
  std::string log_file;           ///< stdout and stderr are appended here
  std::optional<uid_t> user;      ///< with `group`: gives up root
  gid_t group = 0;
  std::string directory = "/";
};

/// One child. Stopped (SIGKILL as the last resort) with the object at the latest.
class ChildProcess {
 public:
  static Result<ChildProcess> start(const Launch& launch);
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;

  const std::string& name() const { return name_; }
  pid_t pid() const { return pid_; }
  /// Whether it has ended; reaps it then.
  bool ended();
  /// How it ended, in words, with the last lines of its log: "postgres ended with exit code 1: FATAL: …".
  std::string obituary() const;
  std::string last_lines(std::size_t lines) const;
  /// Waits at most so long for its end.
  bool wait(std::chrono::milliseconds timeout);
  /// Sends the signal and waits; kills past the patience. A child that has ended is a success.
  void stop(int signal, std::chrono::milliseconds patience);

 private:
  ChildProcess(std::string name, std::string log_file, pid_t pid)
      : name_(std::move(name)), log_file_(std::move(log_file)), pid_(pid) {}

  std::string name_;
  std::string log_file_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
};

/// Runs to the end within the timeout; Invalid with its last words if it fails.
Result<void> run_to_end(const Launch& launch, std::chrono::milliseconds timeout);

}  // namespace slipway::cli

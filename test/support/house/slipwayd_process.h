#pragma once

#include <map>
#include <string>
#include <vector>

#include "test/support/docker_engine/child_process.h"

namespace slipway::test {

/// A slipwayd of the build tree, run as a process of its own.
class SlipwaydProcess {
 public:
  struct Options {
    std::string database_url;
    std::string engine_socket;
    std::string state_dir;
    std::string log_file;
    std::string node = "n1";
    std::string io = "mount";
    std::string config = "/dev/null";
    std::vector<std::string> more;  ///< further flags
  };
  explicit SlipwaydProcess(Options options) : options_(std::move(options)) {}

  /// Starts it and waits until it is ready (10 s), unless told not to wait. Throws with its last words
  /// otherwise.
  void start(bool wait = true);
  void kill9() { process_.kill_and_wait(); }
  /// SIGTERM, and wait for the end; false: it did not end in 10 s.
  bool detach();
  bool running() { return process_.running(); }
  bool wait_exit(int timeout_ms) { return process_.wait_exit(timeout_ms); }
  int exit_code() const { return process_.exit_code(); }  ///< -1: runs, or died by a signal
  /// Ended by itself and not in order: a failed check of a sanitizer, an uncaught exception.
  bool failed() { return !running() && exit_code() > 0; }
  pid_t pid() const { return process_.pid(); }
  void signal(int number) const { process_.signal(number); }

  int port() const { return port_; }  ///< of its HTTP API, on 127.0.0.1
  /// Body of GET `path`; empty when nobody answers.
  std::string get(const std::string& path) const;
  bool ready() const;
  std::string log() const;
  Options& options() { return options_; }

 private:
  Options options_;
  ChildProcess process_;
  int port_ = 0;
};

/// A TCP port of 127.0.0.1 that nobody listens on.
int free_port();

}  // namespace slipway::test

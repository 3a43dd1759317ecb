#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace slipway::test {

/// How a program was run and what came of it.
struct Ran {
  int exit_code = -1;  ///< 128 + n after signal n
  std::string out;
  std::string err;
};

/// The program named so in the build tree, e.g. "cmd/slipway/slipway".
std::string built(const std::string& path);

/// A program under test, its output collected in files. Killed with the object.
class Command {
 public:
  /// `environment` is added to ours; an empty value removes a variable.
  Command(std::vector<std::string> argv, std::map<std::string, std::string> environment = {},
          const std::string& input = "");
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  bool ended();
  /// Waits for its end; kills it past the timeout (exit code 137).
  Ran finish(std::chrono::seconds timeout = std::chrono::seconds(30));
  std::string out() const;
  std::string err() const;

 private:
  std::string directory_;
  pid_t pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

Ran run(std::vector<std::string> argv, std::map<std::string, std::string> environment = {},
        const std::string& input = "");

}  // namespace slipway::test

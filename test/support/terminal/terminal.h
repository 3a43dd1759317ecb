#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace slipway::test {

/// A program at a pseudo terminal of 200 columns, as somebody who types at it. Killed with the object.
class Terminal {
 public:
  explicit Terminal(std::vector<std::string> argv, std::map<std::string, std::string> environment = {});
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void type(const std::string& keys) const;
  /// Reads until what has come satisfies `done` or the program ends; half a minute at most. Whether it does.
  bool shows(const std::function<bool(const std::string&)>& done);
  bool shows(const std::string& part);
  /// Reads until it ends; its exit code.
  int finish();
  /// All that has come so far, with its control characters.
  const std::string& screen() const { return screen_; }
  void forget() { screen_.clear(); }

 private:
  bool read_some();

  int master_ = -1;
  pid_t pid_ = -1;
  std::string screen_;
};

}  // namespace slipway::test

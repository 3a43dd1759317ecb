#pragma once

#include <memory>
#include <mutex>
#include <string>

namespace slipway::cli {

/// Tells somebody who watches that the command still works: from the third second on, on a terminal only, one
/// line on stderr that is written over and in the end taken away. Output of ours goes through `make_way`
/// first, so the line never stands in the middle of it.
class Progress {
 public:
  explicit Progress(std::string what);  ///< "waiting for execution/x"
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set(std::string what);

 private:
  class Line;
  std::unique_ptr<Line> line_;  // none where stderr is no terminal
};

/// Takes the line away, if one stands there; none is drawn while the lock is held.
[[nodiscard]] std::unique_lock<std::mutex> make_way();

}  // namespace slipway::cli

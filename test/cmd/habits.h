#pragma once

#include <string>
#include <vector>

namespace slipway::test {

/// A command line of kubectl's with `slipway` and our kinds in it, and what must come of it.
struct Habit {
  std::string line;
  int exit_code;
  std::string out;           ///< as `fits` reads it
  std::string input = "";    ///< on stdin
  bool interrupted = false;  ///< it goes on until a ^C, which is sent once `out` stands there
};

const std::vector<Habit>& habits();

}  // namespace slipway::test

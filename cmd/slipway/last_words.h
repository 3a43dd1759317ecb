#pragma once

#include <string>

namespace slipway::cli {

/// As long as it lives, SIGINT ends the command with these words on stderr and the exit code that a shell
/// gives an interrupted one, whatever it is doing: a call to a server may last for a minute. At most one at a
/// time.
class LastWords {
 public:
  explicit LastWords(const std::string& words);
  ~LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;
};

}  // namespace slipway::cli

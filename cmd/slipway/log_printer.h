#pragma once

#include <cstdio>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "api/execution.h"

namespace slipway::cli {

/// Prints chunks of logs, line by line. A terminal sees escaped text; a file gets the bytes.
class LogPrinter {
 public:
  struct Options {
    std::optional<std::size_t> tail;  ///< of what comes before `go_on`, the last so many lines only
    std::optional<TimePoint> since;   ///< of what comes before `go_on`, nothing that was written earlier
    bool timestamps = false;
  };
  LogPrinter(std::FILE* stream, Options options) : stream_(stream), options_(options) {}

  void add(const LogChunk& chunk);
  /// Everything that was there has been added: prints what was held back, and from here on lines as they
  /// come. False once the reader is gone.
  bool go_on();
  /// Prints lines that never ended, and what is still held back. False once the reader is gone.
  bool finish();

 private:
  void add_line(std::string line);
  void print(const std::string& line);

  std::FILE* stream_;
  Options options_;
  bool live_ = false;
  std::deque<std::string> held_;
  std::map<LogChunk::Stream, std::string> begun_;  // a line of which more may come
};

}  // namespace slipway::cli

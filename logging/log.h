#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace slipway::logging {

struct Field {
  std::string_view key;
  std::string value;
};
using Fields = std::initializer_list<Field>;

enum class Level { Debug, Info, Warn, Error };

/// One JSON object a line on stderr: {"at":…,"level":…,"msg":…, fields…}, a field without a value left out.
/// Keys are stable (docs/operations/logs.md); `execution` is always the id. Never blocks the caller: lines go
/// through a bounded queue to a thread of its own, and the oldest are dropped when it is full.
void debug(std::string_view message, Fields fields = {});
void info(std::string_view message, Fields fields = {});
void warn(std::string_view message, Fields fields = {});
void error(std::string_view message, Fields fields = {});

/// Until start() is called nothing is written: a library says nothing of its own accord.
void start(Level level);
/// Any thread.
void set_level(Level level);
const char* name_of(Level level);
/// Writes out what is queued and ends the thread.
void stop();

}  // namespace slipway::logging

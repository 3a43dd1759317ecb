#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/execution.h"
#include "store/catalog.h"

namespace slipway::client {

/// Reads the server-sent events of a log as they come.
class LogEvents {
 public:
  void add(std::string_view piece);
  /// False: this is no stream of a log, or an event is larger than any is.
  bool good() const { return good_; }
  std::size_t bytes() const { return bytes_; }  ///< of the chunks
  const std::vector<LogChunk>& chunks() const { return chunks_; }
  std::vector<LogChunk> take_chunks() { return std::move(chunks_); }
  /// Where a reader of each chunk stands: the events' ids, "<attempt>.<place>".
  const std::vector<store::LogCursor>& cursors() const { return cursors_; }

 private:
  void finish_event();
  void line(std::string_view text);

  std::string rest_;
  std::string id_, event_, data_;
  std::vector<LogChunk> chunks_;
  std::vector<store::LogCursor> cursors_;
  std::size_t bytes_ = 0;
  bool good_ = true;
};

}  // namespace slipway::client

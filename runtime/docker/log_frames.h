#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "api/clock.h"
#include "api/execution.h"

namespace slipway::runtime {

/// Splits the engine's multiplexed log stream (stream byte, three zero bytes, big-endian u32 length, payload)
/// into entries. Sans-I/O: fed any pieces, it calls back once per frame, and keeps at most one frame (capped)
/// in memory.
class LogFrames {
 public:
  using OnFrame = std::function<void(LogChunk::Stream, std::string_view)>;
  explicit LogFrames(OnFrame on_frame) : on_frame_(std::move(on_frame)) {}

  /// false: the bytes are not such a stream (then nothing more is read from them).
  bool feed(std::string_view bytes);

 private:
  bool header();
  OnFrame on_frame_;
  std::string pending_;
  std::uint32_t left_ = 0;
  bool in_frame_ = false;
  LogChunk::Stream stream_ = LogChunk::Stream::Stdout;
};

/// "2026-11-23T22:18:36.740131591Z" at the head of `text` → its moment; npos-like failure leaves `text` as it
/// was.
bool take_timestamp(std::string_view& text, TimePoint& at);

}  // namespace slipway::runtime

#include "runtime/docker/log_frames.h"

#include "runtime/docker/rfc3339.h"

namespace slipway::runtime {
namespace {

constexpr std::size_t kHeader = 8;
constexpr std::uint32_t kLargestFrame =
    1u << 20;  // the engine splits entries at 16 KiB; anything near this is not a log

}  // namespace

bool LogFrames::header() {
  const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(pending_[i]); };
  left_ = std::uint32_t{byte(4)} << 24 | std::uint32_t{byte(5)} << 16 | std::uint32_t{byte(6)} << 8 | byte(7);
  if (byte(0) < 1 || byte(0) > 3 || byte(1) || byte(2) || byte(3) || left_ > kLargestFrame) return false;
  stream_ = byte(0) == 1   ? LogChunk::Stream::Stdout
            : byte(0) == 2 ? LogChunk::Stream::Stderr
                           : LogChunk::Stream::System;
  pending_.clear();
  in_frame_ = true;
  return true;
}

bool LogFrames::feed(std::string_view bytes) {
  while (true) {
    const std::size_t wanted = in_frame_ ? left_ : kHeader;
    const std::size_t take = std::min(wanted - pending_.size(), bytes.size());
    pending_.append(bytes.substr(0, take));
    bytes.remove_prefix(take);
    if (pending_.size() < wanted) return true;
    if (!in_frame_) {
      if (!header()) return false;
      continue;
    }
    on_frame_(stream_, pending_);
    pending_.clear();
    in_frame_ = false;
  }
}

bool take_timestamp(std::string_view& text, TimePoint& at) {
  const std::size_t space = text.substr(0, 40).find(' ');
  if (space == std::string_view::npos) return false;
  const auto parsed = parse_rfc3339(text.substr(0, space));
  if (!parsed) return false;
  at = *parsed;
  text.remove_prefix(space + 1);
  return true;
}

}  // namespace slipway::runtime

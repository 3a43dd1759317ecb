#include "runtime/docker/log_keeper.h"

#include <algorithm>

namespace slipway::runtime {
namespace {

constexpr std::size_t kChunkMax = 64 * 1024;
constexpr std::size_t kSwitchesKept = 512;  // chunks closed early to keep the order of the streams
constexpr std::size_t kSlicesKept = 256;    // chunks closed early to keep the times of lines apart
constexpr auto kSlice = std::chrono::seconds(1);
constexpr std::size_t kGapWords = 64;    // no such chunk is longer
constexpr std::size_t kGapsFrom = 1024;  // below that they would take the log's place
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Length of the character that starts with `lead`; 0: no character starts so.
std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

/// The second byte's range depends on the first: no overlong forms, surrogates, or anything above U+10FFFF.
bool continues(unsigned char lead, std::size_t index, unsigned char byte) {
  if (index == 1) {
    if (lead == 0xE0) return byte >= 0xA0 && byte <= 0xBF;
    if (lead == 0xED) return byte >= 0x80 && byte <= 0x9F;
    if (lead == 0xF0) return byte >= 0x90 && byte <= 0xBF;
    if (lead == 0xF4) return byte >= 0x80 && byte <= 0x8F;
  }
  return byte >= 0x80 && byte <= 0xBF;
}

}  // namespace

std::string append_utf8(std::string& out, std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto lead = static_cast<unsigned char>(bytes[at]);
    const std::size_t length = sequence_length(lead);
    std::size_t good = 1;
    while (good < length && at + good < bytes.size() &&
           continues(lead, good, static_cast<unsigned char>(bytes[at + good]))) {
      ++good;
    }
    if (length != 0 && good == length) {
      out.append(bytes.substr(at, length));
    } else if (length != 0 && at + good == bytes.size()) {
      return std::string(bytes.substr(at));
    } else {
      out.append(kReplacement);
    }
    at += good;
  }
  return {};
}

LogKeeper::LogKeeper(std::size_t cap)
    : chunk_max_(std::clamp<std::size_t>(cap / 8, 16, kChunkMax)),
      head_room_(cap / 2),
      tail_cap_(cap - cap / 2 - (cap >= kGapsFrom ? 2 * kGapWords : 0)),
      says_gaps_(cap >= kGapsFrom) {
  open_[0].chunk.stream = LogChunk::Stream::Stdout;
  open_[1].chunk.stream = LogChunk::Stream::Stderr;
  open_[2].chunk.stream = LogChunk::Stream::System;
}

LogKeeper::Open& LogKeeper::open_of(LogChunk::Stream stream) {
  return open_[static_cast<std::size_t>(stream)];
}

void LogKeeper::add(LogChunk::Stream stream, TimePoint at, std::string_view bytes) {
  if (closed_ < kSwitchesKept) {
    for (Open& other : open_) {
      if (other.chunk.stream != stream) close(other);
    }
  }
  last_ = at;
  Open& open = open_of(stream);
  if (closed_ < kSlicesKept && at - open.chunk.at >= kSlice) close(open);
  // One character of up to four bytes, or a replacement of three for each byte, must still fit into a chunk.
  const std::size_t step = std::max<std::size_t>(1, chunk_max_ / 16);
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, step);
    bytes.remove_prefix(part.size());
    if (open.chunk.bytes.size() + 3 * (part.size() + 3) > chunk_max_) close(open);
    if (open.chunk.bytes.empty()) open.chunk.at = at;
    if (open.chunk.bytes.size() == open.told) open.untold_from = at;
    open.until = at;
    append_clean(open, part);
  }
}

void LogKeeper::append_clean(Open& open, std::string_view bytes) {
  if (open.split.empty()) {
    open.split = append_utf8(open.chunk.bytes, bytes);
    return;
  }
  std::string joined = std::move(open.split);
  joined.append(bytes);
  open.split = append_utf8(open.chunk.bytes, joined);
}

void LogKeeper::close(Open& open) {
  if (open.chunk.bytes.empty()) return;
  ++closed_;
  Told chunk = open;
  open.chunk.bytes.clear();
  open.told = 0;
  keep(std::move(chunk));
}

void LogKeeper::keep(Told told) {
  auto& chunk = told.chunk;
  if (tail_.empty() && !truncated_ && chunk.bytes.size() <= head_room_) {
    head_room_ -= chunk.bytes.size();
    head_.push_back(std::move(told));
    return;
  }
  head_room_ = 0;  // once the tail has begun nothing may slip in before it
  tail_bytes_ += chunk.bytes.size();
  tail_.push_back(std::move(chunk));
  while (tail_bytes_ > tail_cap_ && !tail_.empty()) {
    tail_bytes_ -= tail_.front().bytes.size();
    left_out_ += tail_.front().bytes.size();
    tail_.pop_front();
    truncated_ = true;
  }
}

/// As long as the order of the streams is kept at most one of them is open, and comes to the head next.
bool LogKeeper::open_ones_are_certain() const { return closed_ < kSwitchesKept && !nothing_more_certain(); }

std::size_t LogKeeper::certain() const {
  std::size_t sum = 0;
  for (const auto& chunk : head_) sum += chunk.chunk.bytes.size() - chunk.told;
  if (!open_ones_are_certain()) return sum;
  for (const auto& open : open_) sum += open.chunk.bytes.size() - open.told;
  return sum;
}

void LogKeeper::tell(Told& chunk, std::vector<LogPiece>& pieces) {
  const auto& bytes = chunk.chunk.bytes;
  if (bytes.size() == chunk.told) return;
  LogPiece piece{told_, {chunk.chunk.stream, chunk.untold_from, bytes.substr(chunk.told)}, chunk.until};
  told_ += static_cast<std::int64_t>(piece.chunk.bytes.size());
  chunk.told = bytes.size();
  pieces.push_back(std::move(piece));
}

std::vector<LogPiece> LogKeeper::take_certain() {
  std::vector<LogPiece> pieces;
  for (auto& chunk : head_) tell(chunk, pieces);
  head_.clear();
  if (open_ones_are_certain()) {
    for (auto& open : open_) tell(open, pieces);
  }
  return pieces;
}

void LogKeeper::finish(std::vector<LogChunk>& chunks, bool& truncated) {
  for (Open& open : open_) {
    if (!open.split.empty()) open.chunk.bytes.append(kReplacement), open.split.clear();
    close(open);
  }
  chunks.clear();
  const auto say = [&](TimePoint at, const std::string& words) {
    if (says_gaps_) chunks.push_back({LogChunk::Stream::System, at, "[slipway: " + words + "]\n"});
  };
  const TimePoint tail_begins = tail_.empty() ? last_ : tail_.front().at;
  if (beginning_dropped_)
    say(head_.empty() ? tail_begins : head_.front().chunk.at, "the engine may have dropped lines here");
  for (Told& told : head_) chunks.push_back(std::move(told.chunk));
  if (left_out_ > 0) say(tail_begins, std::to_string(left_out_) + " bytes are left out here");
  for (LogChunk& chunk : tail_) chunks.push_back(std::move(chunk));
  truncated = truncated_;
}

}  // namespace slipway::runtime

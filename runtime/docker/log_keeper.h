#pragma once

#include <array>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "api/execution.h"

namespace slipway::runtime {

/// Keeps the head and the tail of a log under a cap, as valid UTF-8 without NUL, in chunks of at most 64 KiB.
/// Where something is left out a chunk of the system's own says so (under caps of a kilobyte and more).
/// Memory is bounded by the cap whatever is fed. The order of the two streams is kept chunk by chunk; a log
/// that alternates between them thousands of times is kept in order within each stream only.
class LogKeeper {
 public:
  explicit LogKeeper(std::size_t cap);
  void add(LogChunk::Stream stream, TimePoint at, std::string_view bytes);
  /// What has become certain to stand at its place in the finished log, however that goes on, since the last
  /// call. It is given away: a keeper that is asked this is not asked to finish.
  std::vector<LogPiece> take_certain();
  /// How many bytes that would be.
  std::size_t certain() const;
  /// Nothing further becomes so before the end: the next bytes may have to make room for the tail.
  bool nothing_more_certain() const { return !tail_.empty() || head_room_ < chunk_max_; }
  /// The engine itself may have dropped what stood before all this.
  void mark_beginning_dropped() { beginning_dropped_ = truncated_ = true; }
  void finish(std::vector<LogChunk>& chunks, bool& truncated);

 private:
  struct Told {
    LogChunk chunk;
    TimePoint until;        ///< of the last entry
    TimePoint untold_from;  ///< of the first entry that take_certain has not given away
    std::size_t told = 0;   ///< bytes that it has
  };
  struct Open : Told {
    std::string split;  ///< the beginning of a UTF-8 character whose rest comes with the next entry
  };
  Open& open_of(LogChunk::Stream stream);
  void append_clean(Open& open, std::string_view bytes);
  void close(Open& open);
  void keep(Told chunk);
  bool open_ones_are_certain() const;
  void tell(Told& chunk, std::vector<LogPiece>& pieces);

  std::size_t chunk_max_;
  std::size_t head_room_;
  std::size_t tail_cap_;
  std::size_t tail_bytes_ = 0;
  std::size_t left_out_ = 0;  ///< bytes between head and tail
  std::size_t closed_ = 0;
  std::int64_t told_ = 0;  ///< bytes that take_certain has given away
  TimePoint last_;         ///< when the last entry was written
  bool says_gaps_;
  bool beginning_dropped_ = false;
  bool truncated_ = false;
  std::vector<Told> head_;
  std::deque<LogChunk> tail_;
  std::array<Open, 3> open_;
};

/// Appends `bytes` to `out` with NUL and invalid UTF-8 replaced by U+FFFD. An incomplete character at the end
/// is not appended: its bytes are returned (at most three).
std::string append_utf8(std::string& out, std::string_view bytes);

}  // namespace slipway::runtime

#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "api/clock.h"
#include "controller/reconciler.h"

namespace slipway::controller {

/// Keys that wait for a worker, each at most once, after client-go's work queue: a key that is added while a
/// worker has it becomes dirty and is handed out again when the worker is done, so no wake-up is lost and no
/// key is worked on twice at once.
///
/// What may be added is bounded: keys come from hints, and hints from whoever may send one.
class WorkQueue {
 public:
  explicit WorkQueue(std::size_t cap = 100'000) : cap_(cap) {}

  enum class Added {
    Yes,
    Waiting,  ///< it did already
    Full      ///< dropped: as many wait as may
  };
  Added add(const Key& key, Duration now);
  /// The key that has waited longest, and how long it did; marks it as being processed.
  struct Taken {
    Key key;
    Duration waited;
  };
  std::optional<Taken> take(Duration now);
  /// Of a key that a worker has: what was added meanwhile need not be looked at.
  void forget(const Key& key) { dirty_.erase(key); }
  /// The worker has finished with the key. true: it was added meanwhile and waits again.
  bool done(const Key& key, Duration now);

  std::size_t depth() const { return order_.size(); }
  std::size_t processing() const { return processing_.size(); }
  /// How long what is being processed has been, all together.
  Duration unfinished(Duration now) const;
  bool is_processing(const Key& key) const { return processing_.contains(key); }
  /// What workers have now, and since when.
  const std::unordered_map<Key, Duration>& in_work() const { return processing_; }

 private:
  std::size_t cap_;
  std::deque<Key> order_;
  std::unordered_map<Key, Duration> dirty_;       ///< waiting (or waiting for its worker), since when
  std::unordered_map<Key, Duration> processing_;  ///< since when
};

}  // namespace slipway::controller

#pragma once

#include <functional>
#include <unordered_map>

#include "api/clock.h"
#include "controller/reconciler.h"

namespace slipway::controller {

/// A number in [0, 1). Injected, so that one seed replays one history.
using Random = std::function<double()>;

/// How long a key that failed waits: doubles from `base` to `cap`, each wait drawn from its upper half.
class Backoff {
 public:
  Backoff(Duration base, Duration cap, Random random) : base_(base), cap_(cap), random_(std::move(random)) {}
  Duration next(const Key& key);
  void forget(const Key& key) { failures_.erase(key); }
  int failures(const Key& key) const;

 private:
  Duration base_;
  Duration cap_;
  Random random_;
  std::unordered_map<Key, int> failures_;
};

}  // namespace slipway::controller

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/simulated/virtual_sleep.h"

namespace slipway::simulation {

/// One call of a process to the outside: a point where it may die or be cut off.
struct CallPoint {
  std::string verb;  ///< "store.record Claimed>Launching", "runtime.start"
  bool writes = false;
  std::vector<std::string> rows = {};  ///< the executions it is about, where it names any
};

/// What becomes of a call.
enum class Fate {
  Pass,
  CallLost,    ///< nothing happens; the caller is told Retry
  AnswerLost,  ///< it takes effect; the caller is told Doubt (Retry if the call only reads)
  Refused,  ///< nothing happens; the caller is told Invalid: the database cannot take or give what is in it
  DiesBefore,  ///< the process is killed instead
  DiesDuring,  ///< the process is killed with the request on its way
  DiesAfter,   ///< the process is killed with the answer on its way
};

/// Stands between one process and its ports; decides the fate of every call. `die` only sets a flag: the
/// world sees it before anything else runs.
struct FaultLine {
  std::function<Fate(const CallPoint&)> decide;
  std::function<void()> die;
  std::string last_verb;  ///< of the call that was begun last
  /// How long a call to the store takes; nothing else runs in zero time either.
  std::function<Duration()> store_latency;
};

}  // namespace slipway::simulation

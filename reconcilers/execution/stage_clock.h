#pragma once

#include <map>

#include "api/clock.h"
#include "api/execution.h"

namespace slipway::reconcilers {

/// How long something has lasted of executions at their stage, as far as it counts: while nothing could have
/// moved them (the engine answers nobody) the time stands still. Kept in memory: after a restart it begins
/// anew.
class StageClock {
 public:
  explicit StageClock(const Clock& clock) : clock_(clock) {}

  /// Counts what has passed since the last look, if it `counts`, and tells the sum.
  Duration look(const Execution& row, bool counts) {
    const auto now = clock_.monotonic();
    auto& stay = stays_[row.ref.execution];
    if (stay.claim != row.ref.claim || stay.stage != row.stage)
      stay = {row.ref.claim, row.stage, Duration{0}, now};
    if (counts) stay.lasted += now - stay.looked_at;
    stay.looked_at = now;
    return stay.lasted;
  }
  /// The sum as it was told last.
  Duration lasted(const Execution& row) const {
    const auto stay = stays_.find(row.ref.execution);
    const bool same =
        stay != stays_.end() && stay->second.claim == row.ref.claim && stay->second.stage == row.stage;
    return same ? stay->second.lasted : Duration{0};
  }
  /// It has shown life.
  void begin_anew(const ExecutionId& id) {
    if (const auto stay = stays_.find(id); stay != stays_.end()) stay->second.lasted = Duration{0};
  }
  void forget(const ExecutionId& id) { stays_.erase(id); }

 private:
  struct Stay {
    ClaimId claim;
    Stage stage = Stage::New;
    Duration lasted{0};
    Duration looked_at{0};
  };
  const Clock& clock_;
  std::map<ExecutionId, Stay> stays_;
};

}  // namespace slipway::reconcilers

#pragma once

#include <map>

#include "reconcilers/execution/deadline_guard.h"
#include "reconcilers/execution/log_followers.h"
#include "reconcilers/execution/stage_clock.h"
#include "reconcilers/node_state.h"

namespace slipway::reconcilers {

/// Where this node keeps something for an execution; each outlives it.
struct HeldIn {
  Slots& slots;
  StartGate& gate;
  ImageTable& images;
  DeadlineGuard& deadlines;
  LogFollowers& logs;
  const Clock& clock;
};

/// What this node holds for executions, in memory: a slot, a place at the gate, a wait for an image, a
/// deadline, a log, and what it remembers of its own doing. Let go of in one place.
class Held {
 public:
  explicit Held(HeldIn in) : in_(in), stays_(in.clock), silences_(in.clock) {}

  /// What becomes of the slot when the rest is let go of.
  enum class Slot {
    Free,
    Lost,  ///< its container may still be there: counts until found_gone()
  };

  /// This process has just claimed it for this attempt, so there is no container.
  void expect_nothing_of(const ExecutionId& id, int attempt) { unmade_[id] = attempt; }
  void asks_engine(const ExecutionId& id) { unmade_.erase(id); }
  bool is_unmade(const Execution& row) const;

  void term_sent(const ExecutionId& id, const ClaimId& claim) { term_sent_[id] = claim; }
  bool was_term_sent(const Execution& row) const;

  /// How long a claim stands unstarted, and how long the engine has not answered about its container.
  StageClock& stays() { return stays_; }
  StageClock& silences() { return silences_; }

  /// The attempt is over. Its container may be there still.
  void let_go(const ExecutionId& id, Slot slot = Slot::Free);
  /// Nothing is left of its container, or it is no affair of this node's.
  void found_gone(const ExecutionId& id);
  void needs_no_image(const ExecutionId& id) { in_.images.release(id); }

 private:
  HeldIn in_;
  std::map<ExecutionId, int> unmade_;
  std::map<ExecutionId, ClaimId> term_sent_;
  StageClock stays_;
  StageClock silences_;
};

}  // namespace slipway::reconcilers

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "reconcilers/node_state.h"

namespace slipway::reconcilers {

/// Whether this node can do what a claim promises. It decides what is claimed, and is told by the heartbeat
/// and by readyz. Whether loops get somewhere is told beside it and decides nothing.
class NodeHealth {
 public:
  /// `engine_answers`: whether the engine's last answer came at all.
  NodeHealth(const Clock& clock, const Lease& lease, std::function<bool()> engine_answers)
      : clock_(clock), lease_(lease), engine_answers_(std::move(engine_answers)) {}

  bool lease_held() const { return lease_.held(); }
  bool engine_answers() const { return engine_answers_(); }
  /// A refusal counts until the runtime, asked again after a while, tells of room.
  bool storage_has_room() const { return !storage_full_at_; }
  bool storage_is_to_be_asked() const {
    constexpr auto kCounts = std::chrono::seconds(30);
    return storage_full_at_ && clock_.monotonic() - *storage_full_at_ >= kCounts;
  }
  void storage_refused() { storage_full_at_ = clock_.monotonic(); }
  void storage_took() { storage_full_at_.reset(); }

  bool ready() const { return lease_held() && engine_answers() && storage_has_room(); }
  bool may_claim() const { return ready() && !lease_.cordoned(); }
  /// For operators; empty: nothing. Of the lease nothing is said: where it matters it could not be told.
  std::string complaint() const {
    if (!engine_answers()) return "the container engine does not answer";
    if (!storage_has_room()) return "the node's storage is full";
    return {};
  }

 private:
  const Clock& clock_;
  const Lease& lease_;
  std::function<bool()> engine_answers_;
  std::optional<Duration> storage_full_at_;
};

}  // namespace slipway::reconcilers

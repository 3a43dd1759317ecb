#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "admission/contracts.h"
#include "api/clock.h"
#include "api/policy.h"
#include "controller/reconciler.h"
#include "reconcilers/node_health.h"
#include "reconcilers/node_state.h"
#include "store/store.h"

namespace slipway::reconcilers {

/// Takes work: first decisions for new rows, then as many claims as there are free slots. One key, kKey;
/// waiting rows are never keys of their own.
class Claimer : public controller::Reconciler {
 public:
  inline static const controller::Key kKey = "claim";

  struct Hooks {
    /// The execution now holds a slot and wants to be reconciled; `attempt` is the one it was claimed for.
    std::function<void(const ExecutionId&, int attempt)> on_claimed;
    /// As on_claimed, of a claim whose answer was lost: what has become of it since is not known.
    std::function<void(const ExecutionId&)> on_found;
    /// Asked after the node's storage was full.
    std::function<asio::awaitable<Result<bool>>()> has_room;
  };

  /// Everything it works with; each outlives it.
  struct Parts {
    store::Store& store;
    const Clock& clock;
    NodeHealth& health;  ///< who cannot start anything claims nothing
    Slots& slots;
    admission::Contracts& contracts;
    asio::any_io_executor pool;  ///< inputs are held to their schemas there
    Policy policy;
  };
  Claimer(Parts parts, Hooks hooks) : parts_(std::move(parts)), hooks_(std::move(hooks)) {}

  asio::awaitable<Result<controller::Outcome>> reconcile(const controller::Key& key) override;

 private:
  asio::awaitable<Result<int>> decide();
  asio::awaitable<Result<std::vector<store::Step>>> write_decisions(std::vector<store::Decision> decisions);
  asio::awaitable<Result<std::vector<store::Step>>> decide_simpler(store::Decision decision, Error error);
  asio::awaitable<Result<int>> claim();
  asio::awaitable<Result<std::vector<store::Step>>> take(std::vector<ExecutionId> candidates);
  asio::awaitable<Result<void>> find_lost();
  asio::awaitable<void> ask_for_room();
  Duration gathers_for() const;
  asio::awaitable<Result<void>> explain();
  asio::awaitable<Result<controller::Outcome>> go_idle();
  asio::awaitable<Result<TimePoint>> sleep_on();

  Parts parts_;
  Hooks hooks_;
  int idle_polls_ = 0;
  bool doorbell_on_ = false;
  Duration busy_since_{0};
  Duration idle_since_{0};  ///< since nothing was there to take
  bool asleep_ = false;     ///< only what may wake is asked
  bool may_wait_ = false;   ///< rows may have come to wait since it was last explained to them
  Duration explained_at_{0};
  std::optional<Duration> claimed_at_;
  bool past_locks_ = false;  ///< the last claim took less than it was offered: something is held by others
  bool in_doubt_ = false;    ///< a claim may have been made of which nothing was heard
};

}  // namespace slipway::reconcilers

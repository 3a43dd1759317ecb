#pragma once

#include "controller/backoff.h"
#include "reconcilers/execution/execution_probe.h"
#include "reconcilers/execution/held.h"
#include "reconcilers/execution/plan.h"
#include "store/store.h"

namespace slipway::reconcilers {

/// Writes what was decided over an execution; once it is committed it logs it, counts it, and lets go of what
/// the node held for it.
class Recorder {
 public:
  Recorder(store::Store& store, const Clock& clock, Held& held, ExecutionProbe& probe,
           controller::Random random)
      : store_(store), clock_(clock), held_(held), probe_(probe), random_(std::move(random)) {}

  /// true: written as it was meant. false: the row has moved on, or what was written is a simpler form of it
  /// (simpler.h): nothing that was to follow the record may follow.
  asio::awaitable<Result<bool>> write(const Execution& row, Record record,
                                      Held::Slot slot = Held::Slot::Free);

 private:
  template <class T>
  using Awaitable = asio::awaitable<Result<T>>;
  Awaitable<bool> write_once(const Execution& row, const Record& record, Held::Slot slot);
  Awaitable<bool> write_transition(const Execution& row, const store::Transition& transition);
  Awaitable<bool> write_finish(const Execution& row, const store::Finish& finish, Held::Slot slot);
  Awaitable<bool> write_recycle(const Execution& row, const store::Recycle& recycle, Held::Slot slot);
  Awaitable<bool> write_requeue(const Execution& row);

  store::Store& store_;
  const Clock& clock_;
  Held& held_;
  ExecutionProbe& probe_;
  controller::Random random_;
};

}  // namespace slipway::reconcilers

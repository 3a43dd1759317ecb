#include "reconcilers/execution/held.h"

namespace slipway::reconcilers {

bool Held::is_unmade(const Execution& row) const {
  const auto found = unmade_.find(row.ref.execution);
  const bool may_be = row.stage == Stage::Claimed || row.stage == Stage::Recycling;
  return may_be && found != unmade_.end() && found->second == row.ref.attempt;
}

bool Held::was_term_sent(const Execution& row) const {
  const auto found = term_sent_.find(row.ref.execution);
  return found != term_sent_.end() && found->second == row.ref.claim;
}

void Held::let_go(const ExecutionId& id, Slot slot) {
  switch (slot) {
    case Slot::Free:
      in_.slots.release(id);
      break;
    case Slot::Lost:
      in_.slots.lose(id);
      break;
  }
  in_.gate.withdraw(id);
  in_.images.release(id);
  in_.deadlines.release(id);
  in_.logs.release(id);
  term_sent_.erase(id);
  stays_.forget(id);
}

void Held::found_gone(const ExecutionId& id) {
  let_go(id);
  in_.slots.found_gone(id);
  unmade_.erase(id);
  silences_.forget(id);
}

}  // namespace slipway::reconcilers

#include "store/memory/memory_ledger.h"

namespace slipway::store {
namespace {

bool gives_back(UseRule rule, bool started) {
  switch (rule) {
    case UseRule::None:
    case UseRule::Spent:
      return false;
    case UseRule::NeverSpent:
    case UseRule::Refunded:
      return true;
    case UseRule::RefundedIfNeverStarted:
      return !started;
  }
  return false;
}

}  // namespace

void MemoryLedger::take(ExecutionRow& row) {
  row.counted_running = true;
  ++db_.running_[row.exec.user_id];
  const auto& id = row.exec.ref.execution;
  if (db_.spends_.contains(id)) return;
  for (auto& [name, entitlement] : db_.entitlements_) {
    if (&entitlement != db_.usable_entitlement(row.exec.user_id, row.exec.agent)) continue;
    --entitlement.remaining;
    db_.spends_[id] = {name, false, false};
    return;
  }
}

void MemoryLedger::release(ExecutionRow& row) {
  if (row.counted_running) --db_.running_[row.exec.user_id];
  row.counted_running = false;
}

void MemoryLedger::close(ExecutionRow& row, Reason reason, const std::string& message, bool started) {
  const auto& line = row_of(reason);
  row.exec.stage = Stage::Finished;
  row.exec.status = line.status;
  row.exec.reason = reason;
  row.fault = line.fault;
  row.message = message.empty() ? std::string(line.message) : message;
  row.finished_at = db_.now();
  release(row);
  settle(row.exec.ref.execution, line.use, started);
  db_.outcomes_.push_back({row.exec.ref.execution, row.exec.agent, line.status, line.fault, line.priced});
  db_.add_event(row.exec.ref.execution, "Finished " + std::string(line.name));
}

void MemoryLedger::settle(const ExecutionId& id, UseRule rule, bool started) {
  auto found = db_.spends_.find(id);
  if (found == db_.spends_.end()) return;
  found->second.settled = true;
  if (!gives_back(rule, started)) return;
  found->second.refunded = true;
  ++db_.entitlements_.at(found->second.entitlement).remaining;
}

}  // namespace slipway::store

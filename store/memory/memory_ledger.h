#pragma once

#include <string>

#include "store/memory/memory_database.h"

namespace slipway::store {

/// The books that move together with a row's stage: spends and refunds, user_usage.running, outcomes. Each
/// call is made inside the transaction that changes the row.
class MemoryLedger {
 public:
  explicit MemoryLedger(MemoryDatabase& db) : db_(db) {}

  /// The claim's side: one more running, and a use spent unless an earlier attempt has spent it.
  void take(ExecutionRow& row);
  /// Running no more, whether for good or until the next attempt.
  void release(ExecutionRow& row);
  /// The final transaction: status, outcome, settled spend, event. Exactly once per row.
  void close(ExecutionRow& row, Reason reason, const std::string& message, bool started);

 private:
  void settle(const ExecutionId& id, UseRule rule, bool started);

  MemoryDatabase& db_;
};

}  // namespace slipway::store

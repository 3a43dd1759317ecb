#pragma once

#include <optional>
#include <string>

#include "store/memory/memory_database.h"
#include "store/memory/memory_ledger.h"

namespace slipway::store {

/// The rules that need other rows than the one decided upon: entitlement, rate, queue and running quotas.
class MemoryAdmission {
 public:
  explicit MemoryAdmission(MemoryDatabase& db) : db_(db), ledger_(db) {}

  std::optional<Undecided> undecided(const ExecutionRow& row) const;
  /// Writes one first decision. A row accepted by the caller may still be refused here.
  bool decide(const Decision& decision);
  /// Takes a queued row for `node`, ends it where its right to run is gone, or leaves it waiting (false).
  bool claim(ExecutionRow& row, const std::string& node);
  /// As Store::list_candidates and Store::explain_waiting.
  std::vector<ExecutionId> candidates(std::size_t limit, bool unlocked = false) const;
  int explain(bool slots_free);

 private:
  std::optional<Reason> refusal(const ExecutionRow& row);
  std::optional<Reason> lost_right(const ExecutionRow& row) const;
  bool awaits_right(const ExecutionRow& row) const;
  bool is_held_back(const ExecutionRow& row) const;
  const QuotaRow& quota_of(const std::string& user_id) const;
  int count(const std::string& user_id, Stage stage) const;
  bool has_unsettled_spend(const std::string& user_id, const std::string& agent) const;

  MemoryDatabase& db_;
  MemoryLedger ledger_;
};

}  // namespace slipway::store

#include "store/memory/memory_admission.h"

#include <algorithm>
#include <tuple>

namespace slipway::store {
namespace {

/// Until its container is proven gone.
bool takes_room(Stage stage) {
  return stage == Stage::Claimed || stage == Stage::Launching || stage == Stage::Running ||
         stage == Stage::Stopping || stage == Stage::Recycling;
}

}  // namespace

std::optional<Undecided> MemoryAdmission::undecided(const ExecutionRow& row) const {
  const auto& exec = row.exec;
  const auto now = db_.now();
  const bool overtaken = exec.cancel_requested || (row.start_deadline && *row.start_deadline <= now);
  const bool due = exec.stage == Stage::New || (exec.stage == Stage::Deferred && exec.not_before <= now);
  const bool waits = exec.stage == Stage::Deferred || exec.stage == Stage::Queued;
  if (!due && !(waits && overtaken)) return std::nullopt;
  Undecided item{exec.ref.execution,
                 exec.stage,
                 exec.user_id,
                 exec.agent,
                 exec.cancel_requested,
                 exec.not_before,
                 row.start_deadline,
                 row.timeout_asked,
                 row.retry_asked,
                 exec.stage == Stage::New ? row.input : std::string(),
                 0,
                 nullptr};
  if (auto agent = db_.agents_.find(exec.agent); agent != db_.agents_.end()) {
    item.agent_revision = static_cast<int>(agent->second.revisions.size());
    item.spec = agent->second.revisions.back();
  }
  return item;
}

bool MemoryAdmission::decide(const Decision& decision) {
  auto* row = db_.find(decision.id);
  if (!row || row->exec.stage != decision.from) return false;
  if (decision.to == Stage::Finished) {
    ledger_.close(*row, decision.reason, decision.message, false);
    return true;
  }
  if (auto reason = refusal(*row); reason && decision.from == Stage::New) {
    ledger_.close(*row, *reason, {}, false);
    return true;
  }
  row->exec.stage = decision.to;
  row->exec.reason = decision.reason;
  row->exec.agent_revision = decision.agent_revision;
  row->exec.timeout = std::chrono::seconds(decision.timeout_seconds);
  row->exec.retry_limit = decision.retry_limit;
  row->exec.spec =
      db_.agents_.at(row->exec.agent).revisions.at(static_cast<std::size_t>(decision.agent_revision) - 1);
  db_.add_event(decision.id, std::string(to_string(decision.to)));
  return true;
}

std::optional<Reason> MemoryAdmission::refusal(const ExecutionRow& row) {
  const auto& exec = row.exec;
  bool any = false;
  bool valid = false;
  for (const auto& [id, entitlement] : db_.entitlements_) {
    if (entitlement.user_id != exec.user_id || entitlement.agent != exec.agent) continue;
    any = true;
    valid = valid || !entitlement.expires_at || *entitlement.expires_at > db_.now();
  }
  if (!any) return Reason::EntitlementMissing;
  if (!valid) return Reason::EntitlementExpired;
  if (!db_.usable_entitlement(exec.user_id, exec.agent) && !has_unsettled_spend(exec.user_id, exec.agent))
    return Reason::EntitlementExhausted;
  const auto& quota = quota_of(exec.user_id);
  const int waiting = count(exec.user_id, Stage::Queued) + count(exec.user_id, Stage::Deferred);
  if (quota.max_queued && waiting >= *quota.max_queued) return Reason::QueueFull;
  const auto minute = std::chrono::duration_cast<std::chrono::minutes>(db_.now().time_since_epoch()).count();
  int& rate = db_.rates_[{exec.user_id, minute}];
  if (quota.per_minute && rate >= *quota.per_minute) return Reason::RateLimited;
  ++rate;
  return std::nullopt;
}

bool MemoryAdmission::claim(ExecutionRow& row, const std::string& node) {
  auto& exec = row.exec;
  if (exec.stage != Stage::Queued || exec.cancel_requested) return false;
  if (exec.not_before && *exec.not_before > db_.now()) return false;
  if (row.start_deadline && *row.start_deadline <= db_.now()) return false;
  if (auto reason = lost_right(row)) {
    ledger_.close(row, *reason, {}, false);
    return false;
  }
  if (is_held_back(row)) return false;
  ledger_.take(row);
  db_.turns_[exec.user_id] = ++db_.last_turn_;
  row.exec.owner = node;
  exec.stage = Stage::Claimed;
  exec.reason = Reason::Starting;
  exec.ref.attempt += 1;
  exec.ref.claim = exec.ref.execution + "/" + std::to_string(exec.ref.attempt);
  exec.create_failures = 0;
  exec.engine.clear();
  exec.intent_at = exec.started_at = exec.deadline_at = exec.kill_at = std::nullopt;
  exec.verdict.reset();
  row.container_id.clear();
  db_.attempts_[exec.ref.execution].push_back({exec.ref.attempt, node, exec.ref.claim, std::nullopt});
  db_.add_event(exec.ref.execution, "Claimed");
  return true;
}

// Users take turns within their band, the one served longest ago first; each offers its own rows in its own
// order.
std::vector<ExecutionId> MemoryAdmission::candidates(std::size_t limit, bool unlocked) const {
  std::map<std::string, std::vector<const ExecutionRow*>> by_user;
  for (const auto& [id, row] : db_.rows_) {
    const auto& exec = row.exec;
    const bool due = !exec.not_before || *exec.not_before <= db_.now();
    const bool late = row.start_deadline && *row.start_deadline <= db_.now();
    if (exec.stage == Stage::Queued && !exec.cancel_requested && due && !late && !is_held_back(row) &&
        !(unlocked && (lost_right(row) || db_.is_locked(id))))
      by_user[exec.user_id].push_back(&row);
  }
  std::vector<std::tuple<int, std::size_t, std::int64_t, ExecutionId>> offers;
  for (auto& [user, rows] : by_user) {
    std::sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) {
      return std::tie(b->priority, a->created_at, a->exec.ref.execution) <
             std::tie(a->priority, b->created_at, b->exec.ref.execution);
    });
    const auto turn = db_.turns_.find(user);
    const auto& quota = quota_of(user);
    if (quota.max_running)
      rows.resize(std::min(rows.size(), static_cast<std::size_t>(*quota.max_running - db_.running(user))));
    for (std::size_t place = 0; place < rows.size(); ++place)
      offers.emplace_back(-quota.max_priority, place, turn == db_.turns_.end() ? 0 : turn->second,
                          rows[place]->exec.ref.execution);
  }
  std::sort(offers.begin(), offers.end());
  if (offers.size() > limit) offers.resize(limit);
  std::vector<ExecutionId> ids;
  for (const auto& offer : offers) ids.push_back(std::get<3>(offer));
  return ids;
}

int MemoryAdmission::explain(bool slots_free) {
  int said = 0;
  for (auto& [id, row] : db_.rows_) {
    if (row.exec.stage != Stage::Queued || row.exec.reason == Reason::Retrying) continue;
    const bool held_back = is_held_back(row);
    if (!held_back && slots_free) continue;
    const auto reason = held_back ? Reason::Throttled : Reason::NoCapacity;
    if (row.exec.reason == reason) continue;
    row.exec.reason = reason;
    row.message = std::string(row_of(reason).message);
    ++said;
  }
  return said;
}

// Asked again at the claim, since hours may lie between. A use that was spent stays valid for every attempt.
std::optional<Reason> MemoryAdmission::lost_right(const ExecutionRow& row) const {
  const auto& exec = row.exec;
  const auto agent = db_.agents_.find(exec.agent);
  if (agent == db_.agents_.end()) return Reason::AgentNotFound;
  if (agent->second.revisions.back()->suspend) return Reason::AgentSuspended;
  if (db_.spends_.contains(exec.ref.execution)) return std::nullopt;
  if (db_.usable_entitlement(exec.user_id, exec.agent)) return std::nullopt;
  for (const auto& [id, entitlement] : db_.entitlements_) {
    if (entitlement.user_id != exec.user_id || entitlement.agent != exec.agent) continue;
    if (entitlement.expires_at && *entitlement.expires_at <= db_.now()) continue;
    if (has_unsettled_spend(exec.user_id, exec.agent)) return std::nullopt;
    return Reason::EntitlementExhausted;
  }
  return Reason::EntitlementExpired;
}

/// Used up, but a spend that is not settled may still be given back.
bool MemoryAdmission::awaits_right(const ExecutionRow& row) const {
  const auto& exec = row.exec;
  return !db_.spends_.contains(exec.ref.execution) && !db_.usable_entitlement(exec.user_id, exec.agent) &&
         has_unsettled_spend(exec.user_id, exec.agent);
}

/// The user or the agent has as many running as it may, or the right is waited for.
bool MemoryAdmission::is_held_back(const ExecutionRow& row) const {
  const auto& exec = row.exec;
  if (awaits_right(row)) return true;
  const auto& quota = quota_of(exec.user_id);
  if (quota.max_running && db_.running(exec.user_id) >= *quota.max_running) return true;
  const auto agent = db_.agents_.find(exec.agent);
  if (agent == db_.agents_.end()) return false;
  const auto limit = agent->second.revisions.back()->max_concurrent;
  const auto of_agent = std::count_if(db_.rows_.begin(), db_.rows_.end(), [&](const auto& entry) {
    return entry.second.exec.agent == exec.agent && takes_room(entry.second.exec.stage);
  });
  return limit && of_agent >= *limit;
}

const QuotaRow& MemoryAdmission::quota_of(const std::string& user_id) const {
  static const QuotaRow unlimited;
  if (auto found = db_.quotas_.find(user_id); found != db_.quotas_.end()) return found->second;
  if (auto found = db_.quotas_.find("*"); found != db_.quotas_.end()) return found->second;
  return unlimited;
}

int MemoryAdmission::count(const std::string& user_id, Stage stage) const {
  return static_cast<int>(std::count_if(db_.rows_.begin(), db_.rows_.end(), [&](const auto& entry) {
    return entry.second.exec.user_id == user_id && entry.second.exec.stage == stage;
  }));
}

bool MemoryAdmission::has_unsettled_spend(const std::string& user_id, const std::string& agent) const {
  return std::any_of(db_.spends_.begin(), db_.spends_.end(), [&](const auto& entry) {
    const auto& entitlement = db_.entitlements_.at(entry.second.entitlement);
    const bool lasts = !entitlement.expires_at || *entitlement.expires_at > db_.now();
    return lasts && !entry.second.settled && entitlement.user_id == user_id && entitlement.agent == agent;
  });
}

bool MemoryDatabase::has_candidate() { return !MemoryAdmission(*this).candidates(1, true).empty(); }

}  // namespace slipway::store

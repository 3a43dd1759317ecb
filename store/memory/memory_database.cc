#include "store/memory/memory_database.h"

#include <cstdio>

namespace slipway::store {
namespace {

// Sequential, so that one history has the same ids in every replay, and shaped as a UUID.
std::string uuid_of(std::int64_t number) {
  char text[37];
  std::snprintf(text, sizeof text, "00000000-0000-7000-8000-%012llx",
                static_cast<unsigned long long>(number));
  return text;
}

bool is_over(Stage stage) { return stage == Stage::Finished || stage == Stage::Cleaned; }

}  // namespace

void MemoryDatabase::put_agent(const std::string& name, AgentSpec spec) {
  agents_[name].revisions.push_back(std::make_shared<const AgentSpec>(std::move(spec)));
}

void MemoryDatabase::grant(const std::string& user_id, const std::string& agent, std::int64_t uses,
                           std::optional<TimePoint> expires_at) {
  entitlements_["e-" + std::to_string(entitlements_.size() + 1)] = {user_id, agent, uses, uses, expires_at};
}

ExecutionId MemoryDatabase::insert(const Submission& submission) {
  ExecutionRow row;
  row.exec.ref.execution = uuid_of(next_id_++);
  row.exec.user_id = submission.user_id;
  row.exec.agent = submission.agent;
  row.exec.not_before = submission.not_before;
  row.input = submission.input;
  row.priority = submission.priority;
  row.timeout_asked = submission.timeout_seconds;
  row.retry_asked = submission.retry_limit;
  row.start_deadline = submission.start_deadline;
  row.created_at = row.exec.created_at = clock_.now();
  ExecutionId id = row.exec.ref.execution;
  rows_.emplace(id, std::move(row));
  ring({Hint::Kind::Work, {}});
  return id;
}

bool MemoryDatabase::cancel(const ExecutionId& id) {
  auto* row = find(id);
  if (!row || is_over(row->exec.stage)) return false;
  row->exec.cancel_requested = true;
  ring({Hint::Kind::Changed, id});
  return true;
}

bool MemoryDatabase::change_timeout(const ExecutionId& id, std::chrono::seconds timeout) {
  auto* row = find(id);
  if (!row || is_over(row->exec.stage)) return false;
  if (row->exec.deadline_at) *row->exec.deadline_at += timeout - row->exec.timeout;
  row->timeout_asked = static_cast<int>(timeout.count());
  row->exec.timeout = timeout;
  ring({Hint::Kind::Changed, id});
  return true;
}

void MemoryDatabase::age(const ExecutionId& id, Duration by) {
  auto* row = find(id);
  if (row && row->finished_at) *row->finished_at -= by;
}

const ExecutionRow* MemoryDatabase::row(const ExecutionId& id) const {
  auto found = rows_.find(id);
  return found == rows_.end() ? nullptr : &found->second;
}

ExecutionRow* MemoryDatabase::find(const ExecutionId& id) {
  auto found = rows_.find(id);
  return found == rows_.end() ? nullptr : &found->second;
}

std::vector<AttemptRow> MemoryDatabase::attempts(const ExecutionId& id) const {
  auto found = attempts_.find(id);
  return found == attempts_.end() ? std::vector<AttemptRow>{} : found->second;
}

std::vector<std::string> MemoryDatabase::events(const ExecutionId& id) const {
  auto found = events_.find(id);
  return found == events_.end() ? std::vector<std::string>{} : found->second;
}

const Spend* MemoryDatabase::spend(const ExecutionId& id) const {
  auto found = spends_.find(id);
  return found == spends_.end() ? nullptr : &found->second;
}

std::int64_t MemoryDatabase::remaining_uses(const std::string& user_id, const std::string& agent) const {
  std::int64_t sum = 0;
  for (const auto& [id, row] : entitlements_) {
    if (row.user_id == user_id && row.agent == agent) sum += row.remaining;
  }
  return sum;
}

std::int64_t MemoryDatabase::granted_uses(const std::string& user_id, const std::string& agent) const {
  std::int64_t sum = 0;
  for (const auto& [id, row] : entitlements_) {
    if (row.user_id == user_id && row.agent == agent) sum += row.uses;
  }
  return sum;
}

std::int64_t MemoryDatabase::standing_spends(const std::string& user_id, const std::string& agent) const {
  std::int64_t sum = 0;
  for (const auto& [id, spend] : spends_) {
    const auto& row = entitlements_.at(spend.entitlement);
    if (row.user_id == user_id && row.agent == agent && !spend.refunded) ++sum;
  }
  return sum;
}

int MemoryDatabase::running(const std::string& user_id) const {
  auto found = running_.find(user_id);
  return found == running_.end() ? 0 : found->second;
}

std::int64_t MemoryDatabase::counted(const std::string& agent) const {
  std::int64_t sum = 0;
  if (auto found = stats_.find(agent); found != stats_.end()) sum = found->second.executions;
  for (const auto& outcome : outcomes_) sum += outcome.agent == agent ? 1 : 0;
  return sum;
}

void MemoryDatabase::ring(const Hint& hint) {
  if (down_) return;
  for (const auto& [session, deliver] : watchers_) deliver(hint);
}

// The soonest-expiring one that still has a use left.
EntitlementRow* MemoryDatabase::usable_entitlement(const std::string& user_id, const std::string& agent) {
  EntitlementRow* best = nullptr;
  for (auto& [id, row] : entitlements_) {
    if (row.user_id != user_id || row.agent != agent || row.remaining <= 0) continue;
    if (row.expires_at && *row.expires_at <= clock_.now()) continue;
    if (!best || (row.expires_at && (!best->expires_at || *row.expires_at < *best->expires_at))) best = &row;
  }
  return best;
}

}  // namespace slipway::store

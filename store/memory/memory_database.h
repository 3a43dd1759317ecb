#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/clock.h"
#include "api/execution.h"
#include "api/reason.h"
#include "store/store.h"

namespace slipway::store {

/// What a submitter may write into a new row. Absent means the column's default.
struct Submission {
  std::string user_id = "u-1";
  std::string agent = "echo";
  std::string input = "{}";
  int priority = 0;
  std::optional<int> timeout_seconds;
  std::optional<int> retry_limit;
  std::optional<TimePoint> not_before;
  std::optional<TimePoint> start_deadline;
};

/// One row of `executions`: `exec` is what load() answers, the rest is what only submitters and the books
/// read.
struct ExecutionRow {
  Execution exec;
  std::string input;
  int priority = 0;
  std::optional<int> timeout_asked;
  std::optional<int> retry_asked;
  std::optional<TimePoint> start_deadline;
  TimePoint created_at;
  Fault fault = Fault::None;
  std::string message;
  std::optional<std::string> output;
  std::optional<int> exit_code;
  std::optional<TimePoint> finished_at;
  std::string container_id;
  std::string effective_limits;
  bool counted_running = false;  ///< part of user_usage.running
};

struct AttemptRow {
  int attempt = 0;
  std::string node;
  ClaimId claim;
  std::optional<AttemptEnd> end;
  std::vector<LogPiece> log;  ///< what was stored while it ran, and at its end
};

struct Spend {
  std::string entitlement;
  bool settled = false;
  bool refunded = false;
};

struct EntitlementRow {
  std::string user_id;
  std::string agent;
  std::int64_t uses = 0;  ///< granted in total
  std::int64_t remaining = 0;
  std::optional<TimePoint> expires_at;
};

struct QuotaRow {
  std::optional<int> per_minute;
  std::optional<int> max_running;
  std::optional<int> max_queued;
  int max_priority = 0;
};

struct Outcome {
  ExecutionId execution;
  std::string agent;
  Status status = Status::Failed;
  Fault fault = Fault::None;
  bool priced = false;
};

struct AgentStats {
  std::int64_t executions = 0;
  std::int64_t completed = 0;
  std::int64_t priced = 0;
};

struct NodeRow {
  std::int64_t epoch = 0;
  NodeReport report;
  TimePoint heartbeat_at;
  bool cordoned = false;
  bool draining = false;
};

struct AgentRow {
  std::vector<std::shared_ptr<const AgentSpec>> revisions;  ///< revision n stands at n - 1
};

/// The tables, shared by every session of every node process; outlives them as a database does. No locks but
/// those a test sets: everything runs on one thread, and every method is one transaction.
class MemoryDatabase {
 public:
  explicit MemoryDatabase(const Clock& clock) : clock_(clock) {}

  // What submitters and admins do.
  void put_agent(const std::string& name, AgentSpec spec);
  void grant(const std::string& user_id, const std::string& agent, std::int64_t uses,
             std::optional<TimePoint> expires_at = {});
  void set_quota(const std::string& user_id, QuotaRow quota) { quotas_[user_id] = quota; }
  ExecutionId insert(const Submission& submission);
  /// false: there is no such row, or it is final.
  bool cancel(const ExecutionId& id);
  /// Moves the deadline of a running one.
  bool change_timeout(const ExecutionId& id, std::chrono::seconds timeout);
  /// As if the row had ended that much earlier.
  void age(const ExecutionId& id, Duration by);
  /// What anybody who may connect can send.
  void notify(const Hint& hint) { ring(hint); }
  /// A submitter's open transaction holds the row.
  void set_locked(const ExecutionId& id, bool locked) {
    locked ? static_cast<void>(locked_.insert(id)) : static_cast<void>(locked_.erase(id));
  }
  void set_draining(const std::string& node, bool draining) { nodes_[node].draining = draining; }

  // What tests read.
  const ExecutionRow* row(const ExecutionId& id) const;
  const std::map<ExecutionId, ExecutionRow>& rows() const { return rows_; }
  std::vector<AttemptRow> attempts(const ExecutionId& id) const;
  std::vector<std::string> events(const ExecutionId& id) const;
  const Spend* spend(const ExecutionId& id) const;
  std::int64_t remaining_uses(const std::string& user_id, const std::string& agent) const;
  std::int64_t granted_uses(const std::string& user_id, const std::string& agent) const;
  std::int64_t standing_spends(const std::string& user_id, const std::string& agent) const;
  int running(const std::string& user_id) const;
  /// Folded and unfolded together.
  std::int64_t counted(const std::string& agent) const;

  /// While down, every session's call answers Retry and no hint is sent.
  void set_down(bool down) { down_ = down; }
  bool down() const { return down_; }
  bool is_locked(const ExecutionId& id) const { return locked_.contains(id); }
  /// A waiting row could be claimed now by whoever has a place.
  bool has_candidate();
  TimePoint now() const { return clock_.now(); }

 private:
  friend class MemoryStore;
  friend class MemoryAdmission;
  friend class MemoryLedger;

  ExecutionRow* find(const ExecutionId& id);
  void add_event(const ExecutionId& id, std::string event) { events_[id].push_back(std::move(event)); }
  void ring(const Hint& hint);
  EntitlementRow* usable_entitlement(const std::string& user_id, const std::string& agent);

  const Clock& clock_;
  bool down_ = false;
  std::int64_t next_id_ = 1;
  std::map<std::string, AgentRow> agents_;
  std::map<std::string, EntitlementRow> entitlements_;
  std::map<std::string, QuotaRow> quotas_;
  std::map<std::string, NodeRow> nodes_;
  std::map<ExecutionId, ExecutionRow> rows_;
  std::map<ExecutionId, std::vector<AttemptRow>> attempts_;
  std::map<ExecutionId, std::vector<std::string>> events_;
  std::map<ExecutionId, Spend> spends_;
  std::map<std::pair<std::string, std::int64_t>, int> rates_;  ///< by user and minute
  std::map<std::string, int> running_;
  std::set<ExecutionId> locked_;
  std::map<std::string, std::int64_t> turns_;  ///< by user: when it was served last
  std::int64_t last_turn_ = 0;
  std::vector<Outcome> outcomes_;
  std::map<std::string, AgentStats> stats_;
  std::map<const void*, std::function<void(const Hint&)>> watchers_;
};

}  // namespace slipway::store

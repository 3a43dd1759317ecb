#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/execution.h"
#include "api/result.h"

namespace slipway::store {

namespace asio = boost::asio;

constexpr std::size_t kSmallInput = 8192;  ///< bytes; what a statement brings along

/// What a node says of itself at registration and at each heartbeat.
struct NodeReport {
  std::string name;         ///< DNS-1123, unique in the cluster
  std::string instance_id;  ///< the node's own uuid, kept in its state directory; on every container's labels
  int slots = 0;
  std::string version;
  std::vector<std::string> not_enforceable;  ///< limits this node cannot enforce
  bool ready = true;
  std::string message;  ///< why it is not ready
};

/// What the database says of a node. `epoch` fences every later write of this process.
struct NodeState {
  std::int64_t epoch = 0;
  TimePoint database_now;
  bool cordoned = false;  ///< claim nothing new
  bool draining = false;  ///< stop what runs, too
};

/// A waiting row as the first decision needs it: New, Deferred and due, or Queued and overtaken (cancelled,
/// start deadline passed).
struct Undecided {
  ExecutionId id;
  Stage stage = Stage::New;
  std::string user_id;
  std::string agent;
  bool cancel_requested = false;
  std::optional<TimePoint> not_before;
  std::optional<TimePoint> start_deadline;
  std::optional<int> timeout_seconds;     ///< as asked
  std::optional<int> retry_limit;         ///< as asked
  std::string input;                      ///< JSON text as inserted; empty unless New
  int agent_revision = 0;                 ///< the agent's newest; 0: no such agent
  std::shared_ptr<const AgentSpec> spec;  ///< of that revision; null: no such agent, or not to be read here
  std::string
      unreadable;  ///< the operator's words for why the row cannot be read; then only id and stage are given
};

/// The answer to one Undecided row, written where the row still stands at `from`.
struct Decision {
  ExecutionId id;
  Stage from = Stage::New;
  Stage to = Stage::Queued;  ///< Queued, Deferred or Finished
  Reason reason = Reason::Queued;
  std::string message;      ///< empty: the reason's own
  int agent_revision = 0;   ///< pinned with Queued and Deferred
  int timeout_seconds = 0;  ///< effective, with Queued and Deferred
  int retry_limit = 0;      ///< effective
};

/// A step that decide() or claim() has committed.
struct Step {
  ExecutionId id;
  int attempt = 0;
  Stage from = Stage::New;
  Stage to = Stage::Queued;
  Reason reason = Reason::Queued;
  std::string agent;
  std::string traceparent;
};

/// Those that a claim has taken.
inline std::vector<ExecutionId> taken(const std::vector<Step>& steps) {
  std::vector<ExecutionId> ids;
  for (const auto& step : steps) {
    if (step.to == Stage::Claimed) ids.push_back(step.id);
  }
  return ids;
}

/// One conditional step of a row within its attempt. It is written only where the row still stands at `from`
/// under this claim and this node's epoch. Absent optionals leave their column alone.
struct Transition {
  ExecutionId id;
  ClaimId claim;
  Stage from = Stage::Claimed;
  Stage to = Stage::Claimed;  ///< may equal `from`: only the columns change
  Reason reason = Reason::Starting;
  bool unless_cancelled = false;  ///< refuse when cancel_requested has come meanwhile (the start intent)
  std::optional<EngineIdentity> engine;
  std::optional<std::string> container_id;
  std::optional<std::string> image_id;
  std::optional<std::string> effective_limits;  ///< JSON object as read back from the engine
  std::optional<TimePoint> intent_at;
  std::optional<TimePoint> started_at;
  std::optional<TimePoint> deadline_at;
  std::optional<TimePoint> kill_at;
  std::optional<Verdict> verdict;
  std::optional<int> create_failures;
};

/// The evidence of one attempt, written together with the step that ends it.
struct AttemptEnd {
  Reason reason = Reason::EngineError;
  std::optional<int> exit_code;
  bool oom_killed = false;
  bool started = false;  ///< the container was seen to have run
  std::optional<TimePoint> finished_at;
  std::optional<std::int64_t> peak_memory_bytes;
  std::optional<std::int64_t> cpu_ms;
  std::optional<std::string> partial_result;  ///< what a run that did not complete left in result.json
  std::vector<LogChunk> logs;
  /// They take the place of what was stored while it ran, from this byte on; absent: they come behind that.
  std::optional<std::int64_t> logs_behind;
  bool logs_truncated = false;
  std::string detail;  ///< the operator's words (engine error, violated limit): goes to the attempt, never to
                       ///< the user
};

/// The end of an execution: status, result, logs, attempt, spend or refund, outcome and event in one
/// transaction.
struct Finish {
  ExecutionId id;
  ClaimId claim;
  Stage from = Stage::Running;
  Reason reason = Reason::Completed;  ///< gives status, fault, use and price
  std::string message;                ///< empty: the reason's own
  std::optional<std::string> output;  ///< JSON text, only with Completed
  AttemptEnd attempt;
};

/// The end of an attempt that will be made again: evidence committed, the row at Recycling until the
/// container is proven gone.
struct Recycle {
  ExecutionId id;
  ClaimId claim;
  Stage from = Stage::Running;
  AttemptEnd attempt;
};

/// What a container has said since the last time, written while the attempt is at Running or Stopping.
struct LogAppend {
  ExecutionId id;
  ClaimId claim;
  std::vector<LogPiece> pieces;  ///< one behind the other, without a gap
};

/// What is to come for a claimer that has nothing to do now.
struct Prospect {
  bool waiting = false;                    ///< rows stand at Queued, whatever they wait for
  std::optional<TimePoint> next_decision;  ///< when a row next wants a decision; in the past: at once
};

/// What the metrics say of the whole cluster (docs/operations/metrics.md), read in one snapshot.
struct Totals {
  struct Finished {
    std::string agent;  ///< "<none>": agents that never were, together
    Status status = Status::Failed;
    Reason reason = Reason::Completed;
    std::int64_t executions = 0;
  };
  struct Unfinished {
    std::string agent;
    Status status = Status::Pending;
    std::int64_t executions = 0;
  };
  bool ours_to_tell = false;        ///< false: another node tells them, and only `unfolded` is set
  std::vector<std::string> agents;  ///< that there are now, run or not
  std::vector<Finished> finished;
  std::vector<Unfinished> unfinished;
  std::int64_t spends = 0;
  std::int64_t refunds = 0;
  std::int64_t output_bytes = 0;
  Duration oldest_pending{0};  ///< of what might run now
  std::int64_t unfolded = 0;   ///< outcomes that fold_outcomes has not counted yet; at least
};

/// Something may have changed. Hints are lost, doubled and late; the lists are the truth.
struct Hint {
  enum class Kind {
    Work,     ///< rows may be waiting for a first decision or a claim
    Changed,  ///< `id` was changed by its submitter (cancel, timeout)
    Resync,   ///< the connection for hints was lost and is back: anything may have changed
  };
  Kind kind = Kind::Work;
  ExecutionId id;
};

/// Desired state and the record of what became of it. One object per node process; `register_node` comes
/// first.
///
/// Every write of a node carries its name and epoch, checked in the same transaction: after another process
/// has registered the same name, every call here answers Conflict and writes nothing.
///
/// Threads: called from the io thread only; an adapter that blocks does so on threads of its own and resumes
/// the caller on the io thread. Deadline: every call ends within the adapter's statement timeout (5 s by
/// default) plus the wait for a connection, with Retry when nothing was written and Doubt when a commit's
/// answer was lost. Doubt needs no repair: the next pass loads the row and sees.
class Store {
 public:
  virtual ~Store() = default;

  /// Takes the name: epoch grows by one, earlier holders are fenced off. Retry while the database is away.
  virtual asio::awaitable<Result<NodeState>> register_node(const NodeReport& report) = 0;
  /// Renews the lease and reads the operator's wishes for the node. Conflict: the name was taken over.
  virtual asio::awaitable<Result<NodeState>> heartbeat(const NodeReport& report) = 0;

  /// At most `limit` rows that wait for a decision, oldest first, and about 8 MiB of their inputs.
  virtual asio::awaitable<Result<std::vector<Undecided>>> list_undecided(int limit) = 0;
  /// Writes a batch of first decisions in one transaction. A row that is accepted is asked there for what
  /// depends on other rows, and refused with the reason if it has none: an entitlement, room in the user's
  /// queue, the user's rate. Rows locked by somebody, or no longer at `from`, are skipped; the answer holds
  /// what was written.
  virtual asio::awaitable<Result<std::vector<Step>>> decide(const std::vector<Decision>& decisions) = 0;

  /// At most `limit` rows at Queued that may be claimed, the fair way: users take turns, the one served
  /// longest ago first, within the band of priority their quota grants; a user's own priority, then age,
  /// order that user's rows. Users and agents at their limit are passed over, and rows whose right may come
  /// back with a spend that is not settled.
  virtual asio::awaitable<Result<std::vector<ExecutionId>>> list_candidates(int limit) = 0;
  /// The same past what others hold locked or what has lost its right: for the look after a claim that took
  /// less than it was offered. Fewer of one user than list_candidates.
  virtual asio::awaitable<Result<std::vector<ExecutionId>>> list_unlocked_candidates(int limit) = 0;
  /// Takes those of `ids` that are still free for this node, as many as user, agent and entitlement allow, in
  /// this order: owner, attempt and claim id, spend, attempt row, event; one transaction. The answer holds
  /// those taken, at Claimed, and those that have lost their right meanwhile, finished with the reason.
  virtual asio::awaitable<Result<std::vector<Step>>> claim(const std::vector<ExecutionId>& ids) = 0;
  /// Tells rows at the heads of the queues what they wait for (Throttled, NoCapacity), where it is not said
  /// yet. The answer counts them.
  virtual asio::awaitable<Result<int>> explain_waiting(bool slots_free) = 0;

  /// The row, or NotFound. Any stage, any owner.
  /// At Claimed, an input of at most kSmallInput bytes comes along.
  virtual asio::awaitable<Result<Execution>> load(const ExecutionId& id) = 0;
  /// The input as it was inserted (at most 1 MiB).
  virtual asio::awaitable<Result<std::string>> load_input(const ExecutionId& id) = 0;

  /// true: written and durable. false: the row is elsewhere by now (stage, claim, cancel); stop the pass.
  virtual asio::awaitable<Result<bool>> record(const Transition& transition) = 0;
  /// As record; ends the execution. Stage becomes Finished.
  virtual asio::awaitable<Result<bool>> finish(const Finish& finish) = 0;
  /// As record; ends the attempt. Stage becomes Recycling.
  virtual asio::awaitable<Result<bool>> recycle(const Recycle& recycle) = 0;
  /// Recycling → Queued for the next attempt, not before `backoff` from now. The spend is kept, the owner
  /// given up.
  virtual asio::awaitable<Result<bool>> requeue(const ExecutionId& id, const ClaimId& claim,
                                                Duration backoff) = 0;

  /// Adds to the log of a running attempt; what is stored of it already is passed over. false: the row is
  /// elsewhere, or less is stored than stands before the first piece. A crash of the database may take the
  /// last of it back.
  virtual asio::awaitable<Result<bool>> append_log(const LogAppend& append) = 0;
  /// What append_log has stored of an attempt.
  virtual asio::awaitable<Result<LiveLog>> live_log(const ExecutionId& id, int attempt) = 0;

  /// Every row owned by this node that is not Cleaned, New, Deferred or Queued: what a resync walks.
  virtual asio::awaitable<Result<std::vector<ExecutionId>>> list_unconverged() = 0;
  /// Of these attempts' claims, the ones that some row still stands behind (any node): the others are
  /// orphans. Ask AFTER listing containers.
  virtual asio::awaitable<Result<std::vector<ClaimId>>> live_claims(const std::vector<ClaimId>& claims) = 0;
  /// Removes finished rows older than their retention, at most `limit`; ledgers stay. The answer counts them.
  virtual asio::awaitable<Result<int>> retire(int limit) = 0;
  /// Sets users' counts right that are not what the rows say. The answer tells how many were wrong.
  virtual asio::awaitable<Result<int>> recount_usage() = 0;
  /// Folds at most `limit` outcome rows into agent_stats. The answer counts them.
  virtual asio::awaitable<Result<int>> fold_outcomes(int limit) = 0;

  /// The cluster's totals, if telling them falls to this node for `term` from now: then no other node tells
  /// them for that long.
  virtual asio::awaitable<Result<Totals>> read_totals(Duration term) = 0;
  /// Whether anything waits or will want a decision: one cheap question for an idle node.
  virtual asio::awaitable<Result<Prospect>> look_ahead() = 0;

  /// Calls `on_hint` on the io thread until `unwatch` or destruction. At most one watcher.
  virtual void watch(std::function<void(const Hint&)> on_hint) = 0;
  virtual void unwatch() = 0;
  /// Hints are being received now. Lost ones are covered by polling, the more often while this is false.
  virtual bool hears_hints() const = 0;
  /// Tells submitters whether this node waits for work: only then is the doorbell rung.
  virtual asio::awaitable<Result<void>> set_idle(bool idle) = 0;
};

}  // namespace slipway::store

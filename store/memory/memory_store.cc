#include "store/memory/memory_store.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <tuple>

namespace slipway::store {
namespace {

// Finished rows are kept 30 days.
constexpr std::chrono::days kRetention{30};

// The chart of record(); finish, recycle and requeue have steps of their own.
bool may_step(Stage from, Stage to) {
  switch (from) {
    case Stage::Claimed:
      return to == Stage::Claimed || to == Stage::Launching;
    case Stage::Launching:
      return to == Stage::Launching || to == Stage::Claimed || to == Stage::Running;
    case Stage::Running:
      return to == Stage::Running || to == Stage::Stopping;
    case Stage::Stopping:
      return to == Stage::Stopping;
    case Stage::Recycling:
      return to == Stage::Recycling;
    case Stage::Finished:
      return to == Stage::Cleaned;
    case Stage::New:
    case Stage::Deferred:
    case Stage::Queued:
    case Stage::Cleaned:
      return false;
  }
  return false;
}

bool is_owned(Stage stage) {
  switch (stage) {
    case Stage::New:
    case Stage::Deferred:
    case Stage::Queued:
    case Stage::Cleaned:
      return false;
    case Stage::Claimed:
    case Stage::Launching:
    case Stage::Running:
    case Stage::Stopping:
    case Stage::Recycling:
    case Stage::Finished:
      return true;
  }
  return false;
}

template <class T>
void put(std::optional<T>& column, const std::optional<T>& value) {
  if (value) column = value;
}
template <class T>
void put(T& column, const std::optional<T>& value) {
  if (value) column = *value;
}

void apply(ExecutionRow& row, const Transition& step) {
  auto& exec = row.exec;
  exec.stage = step.to;
  if (step.from != Stage::Finished) {
    exec.status = status_while(step.to);
    exec.reason = step.reason;
  }
  put(exec.engine, step.engine);
  put(exec.image_id, step.image_id);
  put(exec.intent_at, step.intent_at);
  put(exec.started_at, step.started_at);
  put(exec.deadline_at, step.deadline_at);
  put(exec.kill_at, step.kill_at);
  put(exec.verdict, step.verdict);
  put(exec.create_failures, step.create_failures);
  put(row.container_id, step.container_id);
  put(row.effective_limits, step.effective_limits);
}

std::int64_t log_end(const AttemptRow& attempt) {
  if (attempt.log.empty()) return 0;
  const auto& last = attempt.log.back();
  return last.place + static_cast<std::int64_t>(last.chunk.bytes.size());
}

Step step_of(const Execution& row, Stage from) {
  return {.id = row.ref.execution,
          .attempt = row.ref.attempt,
          .from = from,
          .to = row.stage,
          .reason = row.reason,
          .agent = row.agent,
          .traceparent = row.traceparent};
}

}  // namespace

MemoryStore::MemoryStore(MemoryDatabase& db, asio::any_io_executor executor)
    : db_(db), admission_(db), ledger_(db), executor_(std::move(executor)) {}

MemoryStore::~MemoryStore() { unwatch(); }

std::optional<Error> MemoryStore::refusal() const {
  if (db_.down()) return Error{ErrorClass::Retry, "the database is down"};
  auto found = db_.nodes_.find(node_);
  if (node_.empty() || found == db_.nodes_.end() || found->second.epoch != epoch_) {
    return Error{ErrorClass::Conflict, "this node's epoch is over"};
  }
  return std::nullopt;
}

std::optional<Error> MemoryStore::refusal(const ExecutionId& id) const {
  if (auto no = refusal()) return no;
  if (db_.is_locked(id)) return Error{ErrorClass::Retry, "the row is locked"};
  return std::nullopt;
}

asio::awaitable<Result<NodeState>> MemoryStore::register_node(const NodeReport& report) {
  if (db_.down()) co_return Error{ErrorClass::Retry, "the database is down"};
  auto& node = db_.nodes_[report.name];
  node_ = report.name;
  epoch_ = ++node.epoch;
  node.report = report;
  node.heartbeat_at = db_.now();
  co_return NodeState{epoch_, db_.now(), node.cordoned, node.draining};
}

asio::awaitable<Result<NodeState>> MemoryStore::heartbeat(const NodeReport& report) {
  if (auto no = refusal()) co_return *no;
  auto& node = db_.nodes_[node_];
  node.report = report;
  node.heartbeat_at = db_.now();
  co_return NodeState{epoch_, db_.now(), node.cordoned, node.draining};
}

asio::awaitable<Result<std::vector<Undecided>>> MemoryStore::list_undecided(int limit) {
  if (auto no = refusal()) co_return *no;
  std::vector<Undecided> found;
  // Ids grow with time, so the map's order is the order of age.
  for (const auto& [id, row] : db_.rows_) {
    if (static_cast<int>(found.size()) >= limit) break;
    if (db_.is_locked(id)) continue;
    if (auto item = admission_.undecided(row)) found.push_back(std::move(*item));
  }
  co_return found;
}

asio::awaitable<Result<std::vector<Step>>> MemoryStore::decide(const std::vector<Decision>& decisions) {
  if (auto no = refusal()) co_return *no;
  std::vector<Step> written;
  for (const auto& decision : decisions) {
    if (!db_.is_locked(decision.id) && admission_.decide(decision))
      written.push_back(step_of(db_.find(decision.id)->exec, decision.from));
  }
  co_return written;
}

asio::awaitable<Result<std::vector<ExecutionId>>> MemoryStore::list_candidates(int limit) {
  if (auto no = refusal()) co_return *no;
  co_return admission_.candidates(static_cast<std::size_t>(limit));
}

/// Nobody holds anything locked here.
asio::awaitable<Result<std::vector<ExecutionId>>> MemoryStore::list_unlocked_candidates(int limit) {
  if (auto no = refusal()) co_return *no;
  co_return admission_.candidates(static_cast<std::size_t>(limit), true);
}

asio::awaitable<Result<int>> MemoryStore::explain_waiting(bool slots_free) {
  if (auto no = refusal()) co_return *no;
  co_return admission_.explain(slots_free);
}

asio::awaitable<Result<std::vector<Step>>> MemoryStore::claim(const std::vector<ExecutionId>& ids) {
  if (auto no = refusal()) co_return *no;
  std::vector<Step> steps;
  for (const auto& id : ids) {
    auto* row = db_.find(id);
    if (!row || row->exec.stage != Stage::Queued || db_.is_locked(id)) continue;
    admission_.claim(*row, node_);
    if (row->exec.stage != Stage::Queued) steps.push_back(step_of(row->exec, Stage::Queued));
  }
  co_return steps;
}

asio::awaitable<Result<Execution>> MemoryStore::load(const ExecutionId& id) {
  if (auto no = refusal()) co_return *no;
  const auto* row = db_.row(id);
  if (!row) co_return Error{ErrorClass::NotFound, id};
  auto exec = row->exec;
  if (exec.stage == Stage::Claimed && row->input.size() <= kSmallInput) exec.input = row->input;
  co_return exec;
}

asio::awaitable<Result<std::string>> MemoryStore::load_input(const ExecutionId& id) {
  if (auto no = refusal()) co_return *no;
  const auto* row = db_.row(id);
  if (!row) co_return Error{ErrorClass::NotFound, id};
  co_return row->input;
}

ExecutionRow* MemoryStore::held(const ExecutionId& id, const ClaimId& claim, Stage from) {
  auto* row = db_.find(id);
  const bool matches =
      row && row->exec.owner == node_ && row->exec.ref.claim == claim && row->exec.stage == from;
  return matches ? row : nullptr;
}

asio::awaitable<Result<bool>> MemoryStore::record(const Transition& transition) {
  if (auto no = refusal(transition.id)) co_return *no;
  if (!may_step(transition.from, transition.to))
    co_return Error{ErrorClass::Invalid, "no such step in the chart"};
  auto* row = held(transition.id, transition.claim, transition.from);
  if (!row || (transition.unless_cancelled && row->exec.cancel_requested)) co_return false;
  apply(*row, transition);
  if (transition.from != transition.to) db_.add_event(transition.id, std::string(to_string(transition.to)));
  co_return true;
}

void MemoryStore::end_attempt(const ExecutionRow& row, const AttemptEnd& end) {
  auto& attempts = db_.attempts_[row.exec.ref.execution];
  // The evidence of an attempt is written once: a cancel while Recycling must not blank it.
  if (attempts.empty() || attempts.back().end) return;
  auto& attempt = attempts.back();
  attempt.end = end;
  if (end.logs_behind)
    std::erase_if(attempt.log, [&](const LogPiece& piece) { return piece.place >= *end.logs_behind; });
  for (const auto& chunk : end.logs) attempt.log.push_back({log_end(attempt), chunk, chunk.at});
}

asio::awaitable<Result<bool>> MemoryStore::append_log(const LogAppend& append) {
  if (auto no = refusal(append.id)) co_return *no;
  auto* row = held(append.id, append.claim, Stage::Running);
  if (!row) row = held(append.id, append.claim, Stage::Stopping);
  if (!row || append.pieces.empty()) co_return false;
  auto& attempt = db_.attempts_[append.id].back();
  if (append.pieces.front().place > log_end(attempt)) co_return false;
  for (auto piece : append.pieces) {
    const auto known = log_end(attempt) - piece.place;
    if (known >= static_cast<std::int64_t>(piece.chunk.bytes.size())) continue;
    piece.chunk.bytes.erase(0, static_cast<std::size_t>(known));
    piece.place += known;
    attempt.log.push_back(std::move(piece));
  }
  co_return true;
}

asio::awaitable<Result<LiveLog>> MemoryStore::live_log(const ExecutionId& id, int attempt) {
  if (auto no = refusal()) co_return *no;
  for (const auto& row : db_.attempts_[id]) {
    if (row.attempt != attempt || row.log.empty()) continue;
    co_return LiveLog{log_end(row), row.log.front().chunk.at, row.log.back().until};
  }
  co_return LiveLog{};
}

asio::awaitable<Result<bool>> MemoryStore::finish(const Finish& finish) {
  if (auto no = refusal(finish.id)) co_return *no;
  if (!is_final(row_of(finish.reason).status)) co_return Error{ErrorClass::Invalid, "not a final reason"};
  if (finish.output.has_value() != (finish.reason == Reason::Completed)) {
    co_return Error{ErrorClass::Invalid, "output comes with Completed and only with it"};
  }
  auto* row = held(finish.id, finish.claim, finish.from);
  if (!row || !is_owned(finish.from) || finish.from == Stage::Finished) co_return false;
  end_attempt(*row, finish.attempt);
  row->output = finish.output;
  row->exit_code = finish.attempt.exit_code;
  ledger_.close(*row, finish.reason, finish.message, finish.attempt.started);
  co_return true;
}

asio::awaitable<Result<bool>> MemoryStore::recycle(const Recycle& recycle) {
  if (auto no = refusal(recycle.id)) co_return *no;
  auto* row = held(recycle.id, recycle.claim, recycle.from);
  const bool from_attempt =
      is_owned(recycle.from) && recycle.from != Stage::Finished && recycle.from != Stage::Recycling;
  if (!row || !from_attempt) co_return false;
  end_attempt(*row, recycle.attempt);
  row->exec.stage = Stage::Recycling;
  row->exec.status = status_while(Stage::Recycling);
  row->exec.reason = Reason::Retrying;
  db_.add_event(recycle.id, "Recycling");
  co_return true;
}

asio::awaitable<Result<bool>> MemoryStore::requeue(const ExecutionId& id, const ClaimId& claim,
                                                   Duration backoff) {
  if (auto no = refusal(id)) co_return *no;
  auto* row = held(id, claim, Stage::Recycling);
  if (!row || row->exec.cancel_requested) co_return false;
  ledger_.release(*row);
  row->exec.owner.clear();
  row->exec.stage = Stage::Queued;
  row->exec.reason = Reason::Retrying;
  row->exec.ref.claim.clear();
  row->exec.not_before = db_.now() + backoff;
  db_.add_event(id, "Queued");
  co_return true;
}

asio::awaitable<Result<std::vector<ExecutionId>>> MemoryStore::list_unconverged() {
  if (auto no = refusal()) co_return *no;
  std::vector<ExecutionId> found;
  for (const auto& [id, row] : db_.rows_) {
    if (row.exec.owner == node_ && is_owned(row.exec.stage)) found.push_back(id);
  }
  co_return found;
}

asio::awaitable<Result<std::vector<ClaimId>>> MemoryStore::live_claims(const std::vector<ClaimId>& claims) {
  if (auto no = refusal()) co_return *no;
  std::vector<ClaimId> live;
  for (const auto& claim : claims) {
    const bool stands = std::any_of(db_.rows_.begin(), db_.rows_.end(),
                                    [&](const auto& entry) { return entry.second.exec.ref.claim == claim; });
    if (!claim.empty() && stands) live.push_back(claim);
  }
  co_return live;
}

/// What is counted here is counted when it is asked for.
asio::awaitable<Result<int>> MemoryStore::recount_usage() {
  if (auto no = refusal()) co_return *no;
  co_return 0;
}

asio::awaitable<Result<int>> MemoryStore::retire(int limit) {
  if (auto no = refusal()) co_return *no;
  int gone = 0;
  for (auto at = db_.rows_.begin(); at != db_.rows_.end() && gone < limit;) {
    const auto& row = at->second;
    const bool refused = row.exec.stage == Stage::Finished && row.exec.owner.empty();
    const bool over = row.exec.stage == Stage::Cleaned || refused;
    const bool old = row.finished_at && *row.finished_at + kRetention <= db_.now();
    if (!over || !old) {
      ++at;
      continue;
    }
    db_.attempts_.erase(at->first);
    db_.events_.erase(at->first);
    at = db_.rows_.erase(at);
    ++gone;
  }
  co_return gone;
}

asio::awaitable<Result<int>> MemoryStore::fold_outcomes(int limit) {
  if (auto no = refusal()) co_return *no;
  int folded = 0;
  while (folded < limit && !db_.outcomes_.empty()) {
    const auto& outcome = db_.outcomes_.back();
    auto& stats = db_.stats_[outcome.agent];
    ++stats.executions;
    stats.completed += outcome.status == Status::Completed ? 1 : 0;
    stats.priced += outcome.priced ? 1 : 0;
    db_.outcomes_.pop_back();
    ++folded;
  }
  co_return folded;
}

void MemoryStore::watch(std::function<void(const Hint&)> on_hint) {
  auto shared = std::make_shared<std::function<void(const Hint&)>>(std::move(on_hint));
  db_.watchers_[this] = [this, shared](const Hint& hint) {
    if (hint.kind == Hint::Kind::Work && !idle_) return;
    asio::post(executor_, [weak = std::weak_ptr(shared), hint] {
      if (auto callback = weak.lock()) (*callback)(hint);
    });
  };
}

void MemoryStore::unwatch() { db_.watchers_.erase(this); }

bool MemoryStore::hears_hints() const { return db_.watchers_.contains(this) && !db_.down(); }

/// Nothing scrapes a simulation: only what asks for a fold is told.
asio::awaitable<Result<Totals>> MemoryStore::read_totals(Duration) {
  if (auto no = refusal()) co_return *no;
  Totals totals;
  totals.unfolded = static_cast<std::int64_t>(db_.outcomes_.size());
  co_return totals;
}

asio::awaitable<Result<Prospect>> MemoryStore::look_ahead() {
  if (auto no = refusal()) co_return *no;
  Prospect ahead;
  const auto sooner = [&](TimePoint at) {
    ahead.next_decision = std::min(at, ahead.next_decision.value_or(at));
  };
  for (const auto& [id, row] : db_.rows_) {
    const auto& exec = row.exec;
    ahead.waiting = ahead.waiting || exec.stage == Stage::Queued;
    if (admission_.undecided(row)) sooner(row.created_at);
    if (exec.stage == Stage::Deferred && exec.not_before) sooner(*exec.not_before);
    if ((exec.stage == Stage::Deferred || exec.stage == Stage::Queued) && row.start_deadline)
      sooner(*row.start_deadline);
  }
  co_return ahead;
}

asio::awaitable<Result<void>> MemoryStore::set_idle(bool idle) {
  if (auto no = refusal()) co_return *no;
  idle_ = idle;
  co_return Result<void>{};
}

}  // namespace slipway::store

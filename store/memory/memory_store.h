#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "store/memory/memory_admission.h"
#include "store/memory/memory_database.h"
#include "store/store.h"

namespace slipway::store {

/// One node process's session on a shared MemoryDatabase: the same promises as the Postgres adapter, held to
/// them by the same conformance suite. Never fails by itself; answers Retry while the database is down and
/// Conflict once another session has registered the same name.
class MemoryStore : public Store {
 public:
  MemoryStore(MemoryDatabase& db, asio::any_io_executor executor);
  ~MemoryStore() override;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  asio::awaitable<Result<NodeState>> register_node(const NodeReport& report) override;
  asio::awaitable<Result<NodeState>> heartbeat(const NodeReport& report) override;
  asio::awaitable<Result<std::vector<Undecided>>> list_undecided(int limit) override;
  asio::awaitable<Result<std::vector<Step>>> decide(const std::vector<Decision>& decisions) override;
  asio::awaitable<Result<std::vector<ExecutionId>>> list_candidates(int limit) override;
  asio::awaitable<Result<std::vector<ExecutionId>>> list_unlocked_candidates(int limit) override;
  asio::awaitable<Result<int>> explain_waiting(bool slots_free) override;
  asio::awaitable<Result<std::vector<Step>>> claim(const std::vector<ExecutionId>& ids) override;
  asio::awaitable<Result<Execution>> load(const ExecutionId& id) override;
  asio::awaitable<Result<std::string>> load_input(const ExecutionId& id) override;
  asio::awaitable<Result<bool>> record(const Transition& transition) override;
  asio::awaitable<Result<bool>> finish(const Finish& finish) override;
  asio::awaitable<Result<bool>> recycle(const Recycle& recycle) override;
  asio::awaitable<Result<bool>> requeue(const ExecutionId& id, const ClaimId& claim,
                                        Duration backoff) override;
  asio::awaitable<Result<bool>> append_log(const LogAppend& append) override;
  asio::awaitable<Result<LiveLog>> live_log(const ExecutionId& id, int attempt) override;
  asio::awaitable<Result<std::vector<ExecutionId>>> list_unconverged() override;
  asio::awaitable<Result<std::vector<ClaimId>>> live_claims(const std::vector<ClaimId>& claims) override;
  asio::awaitable<Result<int>> retire(int limit) override;
  asio::awaitable<Result<int>> recount_usage() override;
  asio::awaitable<Result<int>> fold_outcomes(int limit) override;
  asio::awaitable<Result<Totals>> read_totals(Duration term) override;
  asio::awaitable<Result<Prospect>> look_ahead() override;
  void watch(std::function<void(const Hint&)> on_hint) override;
  void unwatch() override;
  bool hears_hints() const override;
  asio::awaitable<Result<void>> set_idle(bool idle) override;

 private:
  /// What forbids this session any call at the moment: the database is away, or the epoch is over.
  std::optional<Error> refusal() const;
  /// And where somebody else holds the row for longer than a session waits.
  std::optional<Error> refusal(const ExecutionId& id) const;
  /// The row, if it stands at `from` under this claim and this node.
  ExecutionRow* held(const ExecutionId& id, const ClaimId& claim, Stage from);
  void end_attempt(const ExecutionRow& row, const AttemptEnd& end);

  MemoryDatabase& db_;
  MemoryAdmission admission_;
  MemoryLedger ledger_;
  asio::any_io_executor executor_;
  std::string node_;
  std::int64_t epoch_ = 0;
  bool idle_ = true;
};

}  // namespace slipway::store

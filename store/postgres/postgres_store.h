#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/postgres/store_probe.h"
#include "store/store.h"

namespace slipway::store {

struct PostgresOptions {
  std::string url;         ///< libpq URL or key=value string
  std::string listen_url;  ///< for LISTEN and the name lock where a pooler stands between; empty: `url`
  std::string node_name;   ///< whose writes these are
  int pool_size = 4;       ///< threads, each with a connection; at least 2
  std::chrono::seconds lease{15};
  std::chrono::seconds connect_timeout{2};
  std::chrono::milliseconds statement_timeout{5000};
  std::chrono::milliseconds lock_timeout{1000};
  int batch_rows = 256;               ///< most transitions in one statement
  std::size_t batch_bytes = 8 << 20;  ///< most payload in one statement (one larger write goes alone)
  std::shared_ptr<StoreProbe> probe;  ///< may be null
};

/// The store on PostgreSQL 14 or newer. Destroy it before the io_context whose executor it was given: the
/// destructor cuts what runs, and every waiting call is answered with Retry.
///
/// The schema is not looked at here; `store::postgres::check_schema` does that before the first call.
class PostgresStore final : public Store {
 public:
  PostgresStore(PostgresOptions options, asio::any_io_executor io);
  ~PostgresStore() override;

  /// Takes a lock of the database session on the node's name, so that a second daemon of the name is refused
  /// whatever the age of the lease: Conflict while another process holds it. Calling again verifies, and
  /// takes it back after the connection was lost. Given up with this object.
  asio::awaitable<Result<void>> hold_name();

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
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipway::store

#pragma once

#include "store/postgres/parameters.h"
#include "store/postgres/postgres_store.h"
#include "test/store/store_harness.h"
#include "test/support/postgres_server/postgres_server.h"

namespace slipway::store {

class PostgresHarness final : public StoreHarness {
 public:
  /// `store_url`: whom the stores log in as; empty: as the owner, a superuser.
  explicit PostgresHarness(std::string url, std::string store_url = "")
      : url_(std::move(url)), store_url_(store_url.empty() ? url_ : std::move(store_url)), sql_(url_) {
    apply_agent("echo", {.image = "echo:1", .retry_limit = 5});
    grant("u-1", "echo", kUses);
  }

  boost::asio::io_context& io() override { return io_; }
  std::unique_ptr<Store> open_session() override {
    return std::make_unique<PostgresStore>(PostgresOptions{.url = store_url_, .pool_size = 2},
                                           io_.get_executor());
  }
  void turn() override {
    io_.restart();
    io_.run_for(std::chrono::milliseconds(2));
  }
  TimePoint now() override {
    return postgres::time_point(
        std::stoll(sql_.value("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")));
  }
  void apply_agent(const std::string& name, const AgentSpec& spec) override {
    sql_.query("INSERT INTO slipway.agents (name, spec) VALUES ($1, $2)", {name, to_json(spec).dump()});
  }
  void grant(const std::string& user_id, const std::string& agent, int uses,
             std::optional<TimePoint> expires_at = {}) override {
    sql_.query("INSERT INTO slipway.entitlements (user_id, agent, uses, expires_at) VALUES ($1, $2, $3, $4)",
               {user_id, agent, std::to_string(uses),
                expires_at ? std::optional(postgres::timestamp(*expires_at)) : std::nullopt});
  }
  void set_quota(const std::string& user_id, const NewQuota& quota) override {
    const auto text = [](std::optional<int> n) {
      return n ? std::optional(std::to_string(*n)) : std::nullopt;
    };
    sql_.query(
        "INSERT INTO slipway.quotas (user_id, per_minute, max_running, max_queued, max_priority) VALUES ($1, "
        "$2, $3, $4, "
        "$5) ON CONFLICT (user_id) DO UPDATE SET per_minute = excluded.per_minute, max_running = "
        "excluded.max_running, "
        "max_queued = excluded.max_queued, max_priority = excluded.max_priority",
        {user_id, text(quota.per_minute), text(quota.max_running), text(quota.max_queued),
         text(quota.max_priority)});
  }
  ExecutionId insert(const NewExecution& row) override {
    const auto time = [](const std::optional<TimePoint>& at) {
      return at ? std::optional(postgres::timestamp(*at)) : std::nullopt;
    };
    return sql_.value(
        "INSERT INTO slipway.executions (user_id, agent, input, priority, not_before, start_deadline) "
        "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        {row.user_id, row.agent, row.input, std::to_string(row.priority), time(row.not_before),
         time(row.start_deadline)});
  }
  void cancel(const ExecutionId& id) override {
    sql_.query("UPDATE slipway.executions SET cancel_requested = true WHERE id = $1", {id});
  }
  void change_timeout(const ExecutionId& id, std::chrono::seconds timeout) override {
    sql_.query("UPDATE slipway.executions SET timeout_seconds = $2 WHERE id = $1",
               {id, std::to_string(timeout.count())});
  }
  void age(const ExecutionId& id, std::chrono::days age) override {
    test::Sql superuser(url_);
    superuser.exec("SET session_replication_role = replica");
    superuser.query(
        "UPDATE slipway.executions SET finished_at = finished_at - $2::interval, expires_at = expires_at - "
        "$2::interval "
        "WHERE id = $1",
        {id, std::to_string(age.count()) + " days"});
  }

  std::optional<RowView> row(const ExecutionId& id) override {
    const auto rows = sql_.query(
        "SELECT stage, status, reason, fault, message, output, exit_code, attempt FROM slipway.executions "
        "WHERE id = $1",
        {id});
    if (rows.empty()) return std::nullopt;
    const auto& r = rows[0];
    return RowView{.stage = stage_from(*r[0]).value(),
                   .status = status_from(*r[1]).value(),
                   .reason = reason_from(*r[2]).value(),
                   .fault = fault_from(*r[3]).value(),
                   .message = *r[4],
                   .output = r[5],
                   .exit_code = r[6] ? std::optional(std::stoi(*r[6])) : std::nullopt,
                   .attempt = std::stoi(*r[7])};
  }
  SpendView spend(const ExecutionId& id) override {
    const auto rows = sql_.query(
        "SELECT refunded_at IS NOT NULL FROM slipway.entitlement_spends WHERE execution_id = $1", {id});
    return {!rows.empty(), !rows.empty() && rows[0][0] == "t"};
  }
  int remaining_uses(const std::string& user_id, const std::string& agent) override {
    return number(
        "SELECT coalesce(sum(uses - used), 0) FROM slipway.entitlements WHERE user_id = $1 AND agent = $2",
        {user_id, agent});
  }
  int running(const std::string& user_id) override {
    return number("SELECT coalesce(sum(running), 0) FROM slipway.user_usage WHERE user_id = $1", {user_id});
  }
  int attempts(const ExecutionId& id) override {
    return number("SELECT count(*) FROM slipway.attempts WHERE execution_id = $1", {id});
  }
  std::optional<std::string> partial_result(const ExecutionId& id, int attempt) override {
    const auto rows = sql_.query(
        "SELECT convert_from(result, 'UTF8') FROM slipway.partial_results WHERE execution_id = $1 AND "
        "attempt = $2",
        {id, std::to_string(attempt)});
    return rows.empty() ? std::nullopt : rows[0][0];
  }
  std::string stored_logs(const ExecutionId& id) override {
    const auto hex = sql_.value(
        "SELECT encode(string_agg(bytes, '' ORDER BY attempt, seq), 'hex') FROM slipway.execution_log_chunks "
        "WHERE execution_id = $1",
        {id});
    std::string all;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
      all += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return all;
  }
  int counted(const std::string& agent) override {
    return number("SELECT coalesce(sum(total), 0) FROM slipway.agent_statistics WHERE agent = $1", {agent});
  }

 private:
  int number(const std::string& sql, const test::Sql::Params& params) {
    return std::stoi(sql_.value(sql, params));
  }

  std::string url_, store_url_;
  test::Sql sql_;
  boost::asio::io_context io_{1};
};

}  // namespace slipway::store

#pragma once

#include "runtime/simulated/virtual_clock.h"
#include "store/memory/memory_store.h"
#include "test/store/store_harness.h"

namespace slipway::store {

class MemoryHarness final : public StoreHarness {
 public:
  MemoryHarness() {
    apply_agent("echo", {});
    grant("u-1", "echo", kUses);
  }

  boost::asio::io_context& io() override { return io_; }
  std::unique_ptr<Store> open_session() override {
    return std::make_unique<MemoryStore>(db_, io_.get_executor());
  }
  void turn() override {
    io_.restart();
    if (io_.poll() == 0) clock_.advance(std::chrono::milliseconds(10));
  }
  TimePoint now() override { return clock_.now(); }

  void apply_agent(const std::string& name, const AgentSpec& spec) override { db_.put_agent(name, spec); }
  void grant(const std::string& user_id, const std::string& agent, int uses,
             std::optional<TimePoint> expires_at = {}) override {
    db_.grant(user_id, agent, uses, expires_at);
  }
  void set_quota(const std::string& user_id, const NewQuota& quota) override {
    db_.set_quota(user_id, {quota.per_minute, quota.max_running, quota.max_queued, quota.max_priority});
  }
  ExecutionId insert(const NewExecution& row) override {
    clock_.advance(std::chrono::milliseconds(1));
    Submission submission;
    submission.user_id = row.user_id;
    submission.agent = row.agent;
    submission.input = row.input;
    submission.priority = row.priority;
    submission.not_before = row.not_before;
    submission.start_deadline = row.start_deadline;
    return db_.insert(submission);
  }
  void cancel(const ExecutionId& id) override { db_.cancel(id); }
  void change_timeout(const ExecutionId& id, std::chrono::seconds timeout) override {
    db_.change_timeout(id, timeout);
  }
  void age(const ExecutionId& id, std::chrono::days age) override { db_.age(id, age); }

  std::optional<RowView> row(const ExecutionId& id) override {
    const auto* row = db_.row(id);
    if (!row) return std::nullopt;
    const auto& exec = row->exec;
    return RowView{exec.stage,   exec.status, exec.reason,    row->fault,
                   row->message, row->output, row->exit_code, exec.ref.attempt};
  }
  SpendView spend(const ExecutionId& id) override {
    const auto* spend = db_.spend(id);
    return {spend != nullptr, spend && spend->refunded};
  }
  int remaining_uses(const std::string& user_id, const std::string& agent) override {
    return static_cast<int>(db_.remaining_uses(user_id, agent));
  }
  int running(const std::string& user_id) override { return db_.running(user_id); }
  int attempts(const ExecutionId& id) override { return static_cast<int>(db_.attempts(id).size()); }
  std::optional<std::string> partial_result(const ExecutionId& id, int attempt) override {
    auto rows = db_.attempts(id);
    const auto& end = rows.at(static_cast<std::size_t>(attempt) - 1).end;
    return end ? end->partial_result : std::nullopt;
  }
  std::string stored_logs(const ExecutionId& id) override {
    std::string all;
    for (const auto& attempt : db_.attempts(id)) {
      for (const auto& piece : attempt.log) all += piece.chunk.bytes;
    }
    return all;
  }
  int counted(const std::string& agent) override { return static_cast<int>(db_.counted(agent)); }

 private:
  boost::asio::io_context io_;
  runtime::VirtualClock clock_;
  MemoryDatabase db_{clock_};
};

}  // namespace slipway::store

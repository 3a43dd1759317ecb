#pragma once

#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "store/store.h"

namespace slipway::store {

/// A new row as a submitter writes it; absent means the column's default.
struct NewExecution {
  std::string user_id = "u-1";
  std::string agent = "echo";
  std::string input = R"({"n":1})";
  int priority = 0;
  std::optional<TimePoint> not_before;
  std::optional<TimePoint> start_deadline;
};

/// A user's limits; absent means none.
struct NewQuota {
  std::optional<int> per_minute;
  std::optional<int> max_running;
  std::optional<int> max_queued;
  int max_priority = 0;
};

/// What a test reads of a row beside load(): the columns that only submitters see.
struct RowView {
  Stage stage = Stage::New;
  Status status = Status::Pending;
  Reason reason = Reason::Queued;
  Fault fault = Fault::None;
  std::string message;
  std::optional<std::string> output;
  std::optional<int> exit_code;
  int attempt = 0;
};

struct SpendView {
  bool exists = false;
  bool refunded = false;
};

/// A database of its own for one test, and the hands of submitters and admins on it. Each adapter of the port
/// brings one. The agent "echo" is applied and user "u-1" holds `kUses` uses of it before the test begins.
class StoreHarness {
 public:
  static constexpr int kUses = 100;

  virtual ~StoreHarness() = default;
  virtual boost::asio::io_context& io() = 0;
  /// A node process's view of the database, not yet registered. Several may live at once, also under one
  /// name.
  virtual std::unique_ptr<Store> open_session() = 0;
  /// Lets the io_context run and a little time pass (real: some milliseconds; virtual: as it pleases).
  virtual void turn() = 0;
  /// The database's time.
  virtual TimePoint now() = 0;

  virtual void apply_agent(const std::string& name, const AgentSpec& spec) = 0;
  virtual void grant(const std::string& user_id, const std::string& agent, int uses,
                     std::optional<TimePoint> expires_at = {}) = 0;
  virtual void set_quota(const std::string& user_id, const NewQuota& quota) = 0;
  virtual ExecutionId insert(const NewExecution& row) = 0;
  virtual void cancel(const ExecutionId& id) = 0;
  virtual void change_timeout(const ExecutionId& id, std::chrono::seconds timeout) = 0;
  /// Makes a finished row as old as if it had ended `age` earlier, so that its retention is over.
  virtual void age(const ExecutionId& id, std::chrono::days age) = 0;

  virtual std::optional<RowView> row(const ExecutionId& id) = 0;
  virtual SpendView spend(const ExecutionId& id) = 0;
  virtual int remaining_uses(const std::string& user_id, const std::string& agent) = 0;
  virtual int running(const std::string& user_id) = 0;
  virtual int attempts(const ExecutionId& id) = 0;
  virtual std::optional<std::string> partial_result(const ExecutionId& id, int attempt) = 0;
  virtual std::string stored_logs(const ExecutionId& id) = 0;
  /// Folded and unfolded outcomes of the agent together.
  virtual int counted(const std::string& agent) = 0;

  /// Runs one call to its end.
  template <class T>
  T run(asio::awaitable<T> call) {
    std::optional<T> answer;
    std::exception_ptr failure;
    asio::co_spawn(io(), std::move(call), [&](std::exception_ptr e, T value) {
      failure = e;
      if (!e) answer.emplace(std::move(value));
    });
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!answer && !failure && std::chrono::steady_clock::now() < limit) turn();
    if (failure) std::rethrow_exception(failure);
    if (!answer) throw std::runtime_error("a store call did not end within 30 s");
    return std::move(*answer);
  }

  /// false: not within 10 s.
  bool wait_until(const std::function<bool()>& done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      turn();
    }
    return true;
  }
};

using StoreHarnessFactory = std::function<std::unique_ptr<StoreHarness>()>;

}  // namespace slipway::store

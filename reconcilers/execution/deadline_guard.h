#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "api/clock.h"
#include "api/execution.h"
#include "controller/timers.h"
#include "runtime/container_runtime.h"

namespace slipway::reconcilers {

namespace asio = boost::asio;

/// Keeps deadlines while the database is away. The reconciler commits a verdict before it signals; if at the
/// deadline it has not got that far within `kPatience`, the guard signals all the same: the verdict can be
/// derived later from an exit at or after the deadline. The same holds for the KILL after the grace.
class DeadlineGuard {
 public:
  static constexpr auto kPatience = std::chrono::milliseconds(500);

  DeadlineGuard(runtime::ContainerRuntime& runtime, asio::any_io_executor executor, const Clock& clock,
                controller::Timers& timers, std::function<void(const ExecutionId&)> on_due);
  ~DeadlineGuard();

  /// The container runs and must be signalled at these moments (database time). Replaces what was said
  /// before.
  void track(const AttemptRef& ref, const std::string& container_id, TimePoint deadline,
             std::optional<TimePoint> kill_at);
  /// It runs no more, or is not ours to lead.
  void release(const ExecutionId& id);
  std::size_t tracked() const { return entries_.size(); }

 private:
  struct Entry {
    AttemptRef ref;
    std::string container_id;
    TimePoint deadline;
    std::optional<TimePoint> kill_at;
    int kills = 0;
    controller::Timers::Id timer = 0;
  };
  void arm(Entry& entry, TimePoint at);
  void due(const ExecutionId& id);
  void overdue(const ExecutionId& id);
  void send(const Entry& entry, runtime::Signal signal);

  runtime::ContainerRuntime& runtime_;
  asio::any_io_executor executor_;
  const Clock& clock_;
  controller::Timers& timers_;
  std::function<void(const ExecutionId&)> on_due_;
  std::unordered_map<ExecutionId, Entry> entries_;
};

}  // namespace slipway::reconcilers

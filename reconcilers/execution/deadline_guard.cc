#include "reconcilers/execution/deadline_guard.h"

#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "logging/log.h"
#include "reconcilers/execution/plan.h"

namespace slipway::reconcilers {
namespace {

constexpr int kKills = 30;  // a second apart; past that the engine is the one that does not answer

asio::awaitable<void> signal_once(runtime::ContainerRuntime& runtime, AttemptRef ref,
                                  std::string container_id, runtime::Signal signal) {
  const auto sent = co_await runtime.signal(ref, container_id, signal);
  if (!sent)
    logging::warn("signal without a recorded verdict failed",
                  {{"execution", ref.execution}, {"error", sent.error().message}});
}

}  // namespace

DeadlineGuard::DeadlineGuard(runtime::ContainerRuntime& runtime, asio::any_io_executor executor,
                             const Clock& clock, controller::Timers& timers,
                             std::function<void(const ExecutionId&)> on_due)
    : runtime_(runtime),
      executor_(std::move(executor)),
      clock_(clock),
      timers_(timers),
      on_due_(std::move(on_due)) {}

DeadlineGuard::~DeadlineGuard() {
  for (auto& [id, entry] : entries_) timers_.cancel(entry.timer);
}

void DeadlineGuard::track(const AttemptRef& ref, const std::string& container_id, TimePoint deadline,
                          std::optional<TimePoint> kill_at) {
  auto& entry = entries_[ref.execution];
  if (entry.ref == ref && entry.deadline == deadline && entry.kill_at == kill_at) return;
  timers_.cancel(entry.timer);
  entry = {ref, container_id, deadline, kill_at, 0, 0};
  arm(entry, kill_at.value_or(deadline));
}

void DeadlineGuard::release(const ExecutionId& id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  timers_.cancel(found->second.timer);
  entries_.erase(found);
}

void DeadlineGuard::arm(Entry& entry, TimePoint at) {
  entry.timer = timers_.call_at(clock_.monotonic() + (at - clock_.now()),
                                [this, id = entry.ref.execution] { due(id); });
}

void DeadlineGuard::due(const ExecutionId& id) {
  on_due_(id);
  auto& entry = entries_.at(id);
  entry.timer = timers_.call_at(clock_.monotonic() + kPatience, [this, id] { overdue(id); });
}

void DeadlineGuard::overdue(const ExecutionId& id) {
  auto& entry = entries_.at(id);
  if (!entry.kill_at) {
    logging::warn("no verdict was recorded within 500 ms of the deadline; sending TERM without one",
                  {{"execution", id}});
    entry.kill_at = clock_.now() + kGracePastDeadline;
    send(entry, runtime::Signal::Term);
    entry.timer = timers_.call_at(clock_.monotonic() + kGracePastDeadline, [this, id] { overdue(id); });
    return;
  }
  send(entry, runtime::Signal::Kill);
  if (++entry.kills < kKills) {
    entry.timer = timers_.call_at(clock_.monotonic() + std::chrono::seconds(1), [this, id] { overdue(id); });
  }
}

void DeadlineGuard::send(const Entry& entry, runtime::Signal signal) {
  asio::co_spawn(executor_, signal_once(runtime_, entry.ref, entry.container_id, signal),
                 [](const std::exception_ptr& failure) {
                   if (failure) logging::error("signal threw");
                 });
}

}  // namespace slipway::reconcilers

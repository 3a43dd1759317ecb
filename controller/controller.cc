#include "controller/controller.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <exception>

#include "logging/log.h"

namespace slipway::controller {
namespace {

constexpr int kAgainsInARow = 50;

ControllerProbe& silent_probe() {
  static ControllerProbe probe;
  return probe;
}

const char* name_of(const Result<Outcome>& outcome) {
  if (!outcome) return "error";
  if (std::holds_alternative<Again>(*outcome)) return "again";
  return std::holds_alternative<WakeAt>(*outcome) ? "wake_at" : "converged";
}

}  // namespace

Controller::Controller(ControllerOptions options, Reconciler& reconciler, asio::any_io_executor executor,
                       const Clock& clock, Timers& timers, Random random, ControllerProbe* probe)
    : options_(std::move(options)),
      reconciler_(reconciler),
      executor_(std::move(executor)),
      clock_(clock),
      timers_(timers),
      probe_(probe ? *probe : silent_probe()),
      backoff_(options_.backoff_base, options_.backoff_cap, std::move(random)) {}

Controller::~Controller() {
  *alive_ = false;
  for (const auto& [key, id] : wakes_) timers_.cancel(id);
}

void Controller::enqueue(const Key& key) {
  forget_wake(key);
  if (queue_.add(key, clock_.monotonic())) probe_.on_add(queue_.depth());
  if (pump_posted_) return;
  pump_posted_ = true;
  asio::post(executor_, [this, alive = alive_] {
    if (!*alive) return;
    pump_posted_ = false;
    pump();
  });
}

void Controller::enqueue_at(const Key& key, TimePoint at) {
  wake_at_monotonic(key, clock_.monotonic() + (at - clock_.now()));
}

void Controller::pump() {
  while (!stopped_ && queue_.processing() < static_cast<std::size_t>(options_.workers)) {
    auto taken = queue_.take(clock_.monotonic());
    if (!taken) return;
    probe_.on_take(queue_.depth(), taken->waited);
    asio::co_spawn(executor_, work(std::move(taken->key)), [](const std::exception_ptr& failure) {
      if (failure)
        std::rethrow_exception(failure);  // work() catches everything; this would be a bug in the loop itself
    });
  }
}

asio::awaitable<void> Controller::work(Key key) {
  const auto alive = alive_;
  const auto began = clock_.monotonic();
  const char* result = "exception";
  try {
    const auto outcome = co_await reconciler_.reconcile(key);
    if (!*alive) co_return;
    result = name_of(outcome);
    settle(key, outcome);
  } catch (const std::exception& failure) {
    if (!*alive) co_return;
    logging::error("reconcile threw",
                   {{"controller", options_.name}, {"key", key}, {"error", failure.what()}});
    retry_later(key);
  }
  probe_.on_done(result, clock_.monotonic() - began);
  queue_.done(key, clock_.monotonic());
  pump();
}

void Controller::settle(const Key& key, const Result<Outcome>& outcome) {
  if (!outcome) {
    logging::warn("reconcile failed", {{"controller", options_.name},
                                       {"key", key},
                                       {"class", to_string(outcome.error().error_class)},
                                       {"error", outcome.error().message}});
    retry_later(key);
    return;
  }
  if (std::holds_alternative<Again>(*outcome)) {
    // A key that never comes to rest is a mistake in its reconciler; it must not starve the others.
    if (++agains_[key] % kAgainsInARow == 0) {
      logging::error("key does not come to rest", {{"controller", options_.name}, {"key", key}});
      retry_later(key);
      return;
    }
    queue_.add(key, clock_.monotonic());
    return;
  }
  agains_.erase(key);
  backoff_.forget(key);
  if (const auto* wake = std::get_if<WakeAt>(&*outcome)) enqueue_at(key, wake->at);
  if (std::holds_alternative<Settled>(*outcome)) {
    forget_wake(key);
    queue_.forget(key);
  }
}

void Controller::retry_later(const Key& key) {
  probe_.on_retry();
  wake_at_monotonic(key, clock_.monotonic() + backoff_.next(key));
}

void Controller::wake_at_monotonic(const Key& key, Duration at) {
  forget_wake(key);
  wakes_[key] = timers_.call_at(at, [this, key] {
    wakes_.erase(key);
    enqueue(key);
  });
}

void Controller::forget_wake(const Key& key) {
  const auto found = wakes_.find(key);
  if (found == wakes_.end()) return;
  timers_.cancel(found->second);
  wakes_.erase(found);
}

}  // namespace slipway::controller

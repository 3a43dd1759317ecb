#include "controller/controller.h"

#include <bit>
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
  if (std::holds_alternative<GivenUp>(*outcome)) return "given_up";
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
      queue_(options_.max_keys),
      backoff_(options_.backoff_base, options_.backoff_cap, std::move(random)) {}

Controller::~Controller() {
  *alive_ = false;
  for (const auto& [key, id] : wakes_) timers_.cancel(id);
}

void Controller::enqueue(const Key& key) {
  forget_wake(key);
  add(key);
  post_pump();
}

void Controller::add(const Key& key) {
  switch (queue_.add(key, clock_.monotonic())) {
    case WorkQueue::Added::Yes:
      return probe_.on_add(queue_.depth());
    case WorkQueue::Added::Waiting:
      return;
    case WorkQueue::Added::Full:
      return drop(key);
  }
}

/// Nothing is kept of the key: it is found again where it came from.
void Controller::drop(const Key& key) {
  probe_.on_drop();
  agains_.erase(key);
  backoff_.forget(key);
  if (std::exchange(dropped_, true)) return;
  logging::warn("too many keys wait: what comes is dropped until there is room",
                {{"controller", options_.name}, {"keys", std::to_string(queue_.depth())}});
}

void Controller::enqueue_at(const Key& key, TimePoint at) {
  wake_at_monotonic(key, clock_.monotonic() + (at - clock_.now()));
}

/// Every key begins from the loop, never inside the end of another: reconciles that answer without waiting
/// would otherwise stand on each other, as deep as the queue is long.
void Controller::post_pump() {
  if (pump_posted_) return;
  pump_posted_ = true;
  asio::post(executor_, [this, alive = alive_] {
    if (!*alive) return;
    pump_posted_ = false;
    pump();
  });
}

void Controller::pump() {
  // As many as there are workers, then others have their turn on the loop: more may have answered at once.
  for (int taken = 0; !stopped_ && queue_.processing() < workers(); ++taken) {
    if (taken == options_.workers) return post_pump();
    auto next = queue_.take(clock_.monotonic());
    if (!next) break;
    probe_.on_take(queue_.depth(), next->waited);
    asio::co_spawn(executor_, work(std::move(next->key)), [](const std::exception_ptr& failure) {
      if (failure)
        std::rethrow_exception(failure);  // work() catches everything; this would be a bug in the loop itself
    });
  }
  if (dropped_ && queue_.depth() <= options_.max_keys / 2) {
    dropped_ = false;
    if (options_.on_room_again) options_.on_room_again();
  }
}

/// A worker that hangs is replaced, up to as many as there were.
std::size_t Controller::workers() const {
  const auto all = static_cast<std::size_t>(options_.workers);
  if (queue_.processing() < all) return all;
  return all + std::min(all, hung().size());
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
    on_failure(key, "exception", failure.what());
  }
  probe_.on_done(result, clock_.monotonic() - began);
  queue_.done(key, clock_.monotonic());
  post_pump();
}

/// Told the first time, the second, the fourth …: what lasts must not fill the log.
void Controller::on_failure(const Key& key, const char* error_class, const std::string& message) {
  const auto so_far = static_cast<unsigned>(backoff_.failures(key) + 1);
  if (std::has_single_bit(so_far))
    logging::warn("reconcile failed", {{"controller", options_.name},
                                       {"key", key},
                                       {"class", error_class},
                                       {"error", message},
                                       {"times", std::to_string(so_far)}});
  if (failures_++ == 0) failing_since_ = clock_.monotonic();
  failing_reason_ = error_class;
  retry_later(key);
}

std::optional<Failing> Controller::failing() const {
  if (failures_ == 0) return std::nullopt;
  return Failing{clock_.monotonic() - failing_since_, failures_, failing_reason_};
}

std::vector<Hung> Controller::hung() const {
  std::vector<Hung> found;
  const auto now = clock_.monotonic();
  for (const auto& [key, since] : queue_.in_work())
    if (now - since > options_.pass_limit) found.push_back({key, reconciler_.step_of(key), now - since});
  return found;
}

void Controller::settle(const Key& key, const Result<Outcome>& outcome) {
  if (!outcome) {
    on_failure(key, to_string(outcome.error().error_class), outcome.error().message);
    return;
  }
  failures_ = 0;
  if (std::holds_alternative<Again>(*outcome)) {
    // A key that never comes to rest is a mistake in its reconciler; it must not starve the others.
    if (++agains_[key] % kAgainsInARow == 0) {
      logging::error("key does not come to rest", {{"controller", options_.name}, {"key", key}});
      retry_later(key);
      return;
    }
    add(key);
    return;
  }
  agains_.erase(key);
  backoff_.forget(key);
  if (const auto* wake = std::get_if<WakeAt>(&*outcome)) enqueue_at(key, wake->at);
  if (std::holds_alternative<Settled>(*outcome)) {
    forget_wake(key);
    queue_.forget(key);
  }
  if (const auto* given_up = std::get_if<GivenUp>(&*outcome))
    logging::error("given up: repeating cannot help",
                   {{"controller", options_.name}, {"key", key}, {"error", given_up->why}});
}

void Controller::retry_later(const Key& key) {
  probe_.on_retry();
  wake_at_monotonic(key, clock_.monotonic() + backoff_.next(key));
}

void Controller::wake_at_monotonic(const Key& key, Duration at) {
  forget_wake(key);
  if (wakes_.size() >= options_.max_keys) return drop(key);
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

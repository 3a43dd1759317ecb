#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "api/clock.h"
#include "controller/backoff.h"
#include "controller/reconciler.h"
#include "controller/timers.h"
#include "controller/work_queue.h"

namespace slipway::controller {

/// What the loop tells of itself. Every method has an empty body: a probe overrides what it counts.
class ControllerProbe {
 public:
  virtual ~ControllerProbe() = default;
  virtual void on_add(std::size_t /*depth*/) {}
  virtual void on_take(std::size_t /*depth*/, Duration /*waited*/) {}
  /// `result`: "converged", "again", "wake_at", "error" or "exception".
  virtual void on_done(const char* /*result*/, Duration /*took*/) {}
  virtual void on_retry() {}
};

struct ControllerOptions {
  std::string name;
  int workers = 64;  ///< keys being reconciled at the same time (coroutines, not threads)
  Duration backoff_base = std::chrono::milliseconds(50);
  Duration backoff_cap = std::chrono::seconds(10);
};

/// The engine of one loop: takes keys, runs the reconciler over each, and acts on its answer. It knows keys,
/// never what they name. Everything happens on the one io thread.
class Controller {
 public:
  Controller(ControllerOptions options, Reconciler& reconciler, asio::any_io_executor executor,
             const Clock& clock, Timers& timers, Random random, ControllerProbe* probe = nullptr);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  /// Looks at the key soon. Cheap, idempotent, callable from inside a reconcile.
  void enqueue(const Key& key);
  /// Looks at the key at this moment (database time) unless something wakes it before. Replaces an earlier
  /// wish.
  void enqueue_at(const Key& key, TimePoint at);

  /// Takes no more keys; what is being reconciled goes on. idle() tells when it has ended.
  void stop() { stopped_ = true; }
  bool idle() const { return queue_.processing() == 0; }
  std::size_t depth() const { return queue_.depth(); }
  Duration unfinished() const { return queue_.unfinished(clock_.monotonic()); }
  const std::string& name() const { return options_.name; }

 private:
  void pump();
  asio::awaitable<void> work(Key key);
  void settle(const Key& key, const Result<Outcome>& outcome);
  void retry_later(const Key& key);
  void wake_at_monotonic(const Key& key, Duration at);
  void forget_wake(const Key& key);

  ControllerOptions options_;
  Reconciler& reconciler_;
  asio::any_io_executor executor_;
  const Clock& clock_;
  Timers& timers_;
  ControllerProbe& probe_;
  WorkQueue queue_;
  Backoff backoff_;
  std::unordered_map<Key, Timers::Id> wakes_;
  std::unordered_map<Key, int> agains_;  ///< answers of Again in a row
  bool pump_posted_ = false;
  bool stopped_ = false;
  /// Coroutines and posted calls hold a weak look at this, so that none touches a controller that is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slipway::controller

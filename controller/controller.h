#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

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
  /// `result`: "converged", "again", "wake_at", "given_up", "error" or "exception".
  virtual void on_done(const char* /*result*/, Duration /*took*/) {}
  virtual void on_retry() {}
  /// A key was not taken, since as many wait as may.
  virtual void on_drop() {}
};

struct ControllerOptions {
  std::string name;
  int workers = 64;  ///< keys being reconciled at the same time (coroutines, not threads)
  Duration backoff_base = std::chrono::milliseconds(50);
  Duration backoff_cap = std::chrono::seconds(10);
  std::size_t max_keys = 100'000;  ///< that wait for a worker, or for their time
  /// A reconcile that takes longer is told by name, and its worker is replaced. Longer than the deadlines of
  /// all that one pass may wait for.
  Duration pass_limit = std::chrono::seconds(90);
  /// Keys were dropped, and there is room again: walk over what there is.
  std::function<void()> on_room_again;
};

/// A reconcile that takes longer than it may.
struct Hung {
  Key key;
  std::string step;  ///< what it is at, as its reconciler tells
  Duration since;    ///< how long it has been going on
};

/// Reconciles have ended, and each in an error.
struct Failing {
  Duration since;      ///< how long there has been no other end
  int passes = 0;      ///< that failed in that time
  std::string reason;  ///< the class of the last error, nothing of its text: that may quote strangers
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

  /// Looks at the key soon, unless `max_keys` wait: then it is dropped, and `on_room_again` called later.
  /// Cheap, idempotent, callable from inside a reconcile.
  void enqueue(const Key& key);
  /// Looks at the key at this moment (database time) unless something wakes it before. Replaces an earlier
  /// wish.
  void enqueue_at(const Key& key, TimePoint at);

  /// Takes no more keys; what is being reconciled goes on. idle() tells when it has ended.
  void stop() { stopped_ = true; }
  bool idle() const { return queue_.processing() == 0; }
  std::size_t depth() const { return queue_.depth(); }
  Duration unfinished() const { return queue_.unfinished(clock_.monotonic()); }
  std::vector<Hung> hung() const;
  std::optional<Failing> failing() const;
  const std::string& name() const { return options_.name; }

 private:
  void post_pump();
  void pump();
  std::size_t workers() const;
  asio::awaitable<void> work(Key key);
  void settle(const Key& key, const Result<Outcome>& outcome);
  void add(const Key& key);
  void drop(const Key& key);
  void on_failure(const Key& key, const char* error_class, const std::string& message);
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
  Duration failing_since_{0};            ///< of failures_ > 0
  int failures_ = 0;                     ///< passes in a row that failed, of whatever key
  std::string failing_reason_;
  bool dropped_ = false;
  bool pump_posted_ = false;
  bool stopped_ = false;
  /// Coroutines and posted calls hold a weak look at this, so that none touches a controller that is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slipway::controller

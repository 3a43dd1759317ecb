#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

#include "api/result.h"
#include "store/postgres/connection.h"
#include "store/postgres/store_probe.h"

namespace slipway::store::postgres {

namespace asio = boost::asio;

struct PoolOptions {
  ConnectionOptions connection;
  int size = 4;
  /// A call that waited this long for a connection answers Retry without having been tried.
  std::chrono::milliseconds wait_timeout{5000};
  /// How long a statement may stay unanswered before its socket is cut: the server's own timeout and some.
  std::chrono::milliseconds hang_timeout{7000};
  int queue_cap = 4096;
  std::shared_ptr<StoreProbe> probe;  ///< may be null
};

/// A fixed number of threads with one connection each. A thread connects when it first has work, drops a
/// spoilt connection, and after a failed attempt answers Retry at once until a jittered pause is over (up to
/// 2 s), so that an outage costs callers no time. A watchdog cuts the socket of a statement the server never
/// answers.
class Pool {
 public:
  using Work = std::function<void(Connection&)>;

  explicit Pool(PoolOptions options);
  ~Pool();  ///< cuts what runs, refuses what waits, joins
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Runs `work` on one of the threads; it answers by throwing Failure or not, and may be run a second time
  /// when the connection turned out to be lost and nothing was written. `done` is called exactly once, on an
  /// arbitrary thread (this one when the queue is full), with the error if there was one.
  void submit(std::string_view op, Work work, std::function<void(std::optional<Error>)> done);

  /// submit as a coroutine: resumes on the coroutine's own executor.
  template <class T>
  asio::awaitable<Result<T>> run(std::string_view op, std::function<T(Connection&)> work) {
    const auto executor = co_await asio::this_coro::executor;
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<T>)>(
        [this, op, executor](auto handler, std::function<T(Connection&)> job) {
          auto answer = std::make_shared<std::optional<T>>();
          auto resume = std::make_shared<decltype(handler)>(std::move(handler));
          auto tracked = asio::prefer(executor, asio::execution::outstanding_work.tracked);
          submit(
              op,
              [answer, job = std::move(job)](Connection& connection) { answer->emplace(job(connection)); },
              [answer, resume, tracked](std::optional<Error> error) {
                asio::post(tracked, [answer, resume, error = std::move(error)]() mutable {
                  if (error) {
                    (*resume)(Result<T>(std::move(*error)));
                  } else {
                    (*resume)(Result<T>(std::move(**answer)));
                  }
                });
              });
        },
        asio::use_awaitable, std::move(work));
  }

 private:
  using Instant = std::chrono::steady_clock::time_point;
  struct Job {
    std::string_view op;
    Work work;
    std::function<void(std::optional<Error>)> done;
    Instant queued_at;
  };
  struct Worker {
    std::unique_ptr<Connection> connection;
    std::thread thread;
    std::condition_variable wake;
    int watched_socket = -1;  ///< under mutex_; the watchdog may cut it
    Instant cut_at;
  };

  void work_loop(Worker& worker);
  void watch_loop();
  std::optional<Error> perform(Worker& worker, const Job& job);
  std::optional<Error> attempt(Worker& worker, const Job& job);
  std::optional<Error> attempt_once(Worker& worker, const Job& job);
  void connect(Worker& worker);
  void note_connect_failure();
  void watch(Worker& worker, int socket);

  PoolOptions options_;
  std::mutex mutex_;
  std::condition_variable watch_change_;
  std::vector<Worker*>
      resting_;  ///< the one that rested last is woken first: its thread and its server process are warm
  std::deque<Job> queue_;
  bool stopping_ = false;
  int connect_failures_ = 0;
  Instant connect_not_before_{};
  std::minstd_rand random_{std::random_device{}()};
  std::vector<std::unique_ptr<Worker>> workers_;
  std::thread watchdog_;
};

}  // namespace slipway::store::postgres

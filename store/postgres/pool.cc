#include "store/postgres/pool.h"

#include <sys/socket.h>

#include <algorithm>

namespace slipway::store::postgres {
namespace {
using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kFirstPause{20};
constexpr std::chrono::milliseconds kLongestPause{2000};
}  // namespace

Pool::Pool(PoolOptions options) : options_(std::move(options)) {
  for (int i = 0; i < options_.size; ++i) workers_.push_back(std::make_unique<Worker>());
  for (auto& worker : workers_) worker->thread = std::thread([this, raw = worker.get()] { work_loop(*raw); });
  watchdog_ = std::thread([this] { watch_loop(); });
}

Pool::~Pool() {
  std::deque<Job> refused;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    refused.swap(queue_);
    for (auto& worker : workers_)
      worker->cut_at = std::min(worker->cut_at, Clock::now() + std::chrono::seconds(1));
  }
  for (auto& worker : workers_) worker->wake.notify_one();
  watch_change_.notify_all();
  for (auto& job : refused) job.done(Error{ErrorClass::Retry, "the store is closing"});
  for (auto& worker : workers_) worker->thread.join();
  {
    const std::lock_guard lock(mutex_);
    workers_.clear();  // tells the watchdog that nothing is left to watch
  }
  watch_change_.notify_all();
  watchdog_.join();
}

void Pool::submit(std::string_view op, Work work, std::function<void(std::optional<Error>)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && static_cast<int>(queue_.size()) < options_.queue_cap) {
      queue_.push_back({op, std::move(work), std::move(done), Clock::now()});
      if (!resting_.empty()) {
        resting_.back()->wake.notify_one();
        resting_.pop_back();
      }
      return;
    }
  }
  done(Error{ErrorClass::Retry, "too many calls wait for the database"});
}

void Pool::work_loop(Worker& worker) {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      while (!stopping_ && queue_.empty()) {
        if (std::ranges::find(resting_, &worker) == resting_.end()) resting_.push_back(&worker);
        worker.wake.wait(lock);
      }
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    auto error = perform(worker, job);
    job.work = nullptr;
    if (error && options_.probe) options_.probe->on_error(error->error_class);
    job.done(std::move(error));
  }
}

std::optional<Error> Pool::perform(Worker& worker, const Job& job) {
  if (Clock::now() - job.queued_at > options_.wait_timeout)
    return Error{ErrorClass::Retry, "no connection became free"};
  const auto begin = Clock::now();
  auto error = attempt(worker, job);
  if (options_.probe) options_.probe->on_query(job.op, Clock::now() - begin);
  return error;
}

// A connection that was lost while nobody looked is found out by the next call. As long as nothing was
// written (Retry), the call is made once more on a new one, so that a restart of the server goes unnoticed
// where it can.
std::optional<Error> Pool::attempt(Worker& worker, const Job& job) {
  const bool reused = worker.connection != nullptr;
  auto error = attempt_once(worker, job);
  const bool lost = error && !worker.connection;
  if (reused && lost && error->error_class == ErrorClass::Retry) error = attempt_once(worker, job);
  return error;
}

std::optional<Error> Pool::attempt_once(Worker& worker, const Job& job) {
  std::optional<Error> error;
  bool lost = false;
  try {
    if (!worker.connection) connect(worker);
    watch(worker, worker.connection->socket());
    job.work(*worker.connection);
  } catch (const Failure& failure) {
    error = failure.error();
    lost = failure.connection_lost();
  } catch (
      const std::exception& e) {  // a mistake of ours in reading an answer; the loop backs off and goes on
    error = Error{ErrorClass::Retry, e.what()};
  }
  watch(worker, -1);
  if (lost) worker.connection.reset();
  return error;
}

void Pool::connect(Worker& worker) {
  {
    const std::lock_guard lock(mutex_);
    if (Clock::now() < connect_not_before_)
      throw Failure({ErrorClass::Retry, "the database is away"}, "08001", true);
  }
  try {
    worker.connection =
        std::make_unique<Connection>(options_.connection, [&](int socket) { watch(worker, socket); });
    const std::lock_guard lock(mutex_);
    connect_failures_ = 0;
  } catch (const Failure&) {
    watch(worker, -1);
    note_connect_failure();
    throw;
  }
}

void Pool::note_connect_failure() {
  const std::lock_guard lock(mutex_);
  connect_failures_ = std::min(connect_failures_ + 1, 8);
  const auto pause = std::min(kLongestPause, kFirstPause * (1 << connect_failures_));
  std::uniform_real_distribution<> jitter(0.5, 1.0);
  connect_not_before_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(pause * jitter(random_));
}

void Pool::watch(Worker& worker, int socket) {
  const std::lock_guard lock(mutex_);
  worker.watched_socket = socket;
  worker.cut_at = Clock::now() + (stopping_ ? std::chrono::milliseconds(1000) : options_.hang_timeout);
}

void Pool::watch_loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_ || !workers_.empty()) {
    for (auto& worker : workers_) {
      if (worker->watched_socket < 0 || Clock::now() < worker->cut_at) continue;
      ::shutdown(worker->watched_socket,
                 SHUT_RDWR);  // its thread sees the end of the stream and drops the connection
      worker->watched_socket = -1;
    }
    watch_change_.wait_for(lock, std::chrono::milliseconds(250));
  }
}

}  // namespace slipway::store::postgres

#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <unordered_map>

#include "api/clock.h"
#include "controller/backoff.h"
#include "controller/timers.h"
#include "runtime/container_runtime.h"
#include "store/store.h"

namespace slipway::reconcilers {

namespace asio = boost::asio;

/// Writes what containers say into the store while they run, for those who read along. Only a view of what
/// the end will write whole: nothing of an execution depends on it, and it gives up where it meets trouble.
///
/// One follower an attempt, at most as many as the node has slots. Each holds no more than the runtime reads
/// ahead and one append under way, and writes at most every `kPause`.
class LogFollowers {
 public:
  /// What ends sooner costs nothing here.
  static constexpr auto kPatience = std::chrono::milliseconds(500);
  static constexpr auto kPause = std::chrono::milliseconds(300);

  LogFollowers(store::Store& store, runtime::ContainerRuntime& runtime, asio::any_io_executor executor,
               const Clock& clock, controller::Timers& timers, controller::Random random);
  ~LogFollowers() { stop(); }
  LogFollowers(const LogFollowers&) = delete;
  LogFollowers& operator=(const LogFollowers&) = delete;

  /// The container runs, and has for so long. Again for the same one: nothing changes.
  void track(const AttemptRef& ref, const std::string& container_id, const Limits& limits, Duration age);
  /// It runs no more, or is not ours to lead.
  void release(const ExecutionId& id);
  /// All of them, at once.
  void stop();
  std::size_t tracked() const { return followers_.size(); }

 private:
  struct Follower {
    AttemptRef ref;
    std::string container_id;
    Limits limits;
    std::shared_ptr<runtime::LogStream> stream;
    LiveLog stored;      ///< when the stream was opened
    bool known = false;  ///< the stream was seen to begin where what is stored begins
    bool over = false;
    int failures = 0;
    controller::Timers::Id timer = 0;
  };
  using Held = std::shared_ptr<Follower>;

  void arm(const Held& follower, Duration in);
  asio::awaitable<void> step(Held follower);
  asio::awaitable<Result<void>> open(Held follower);
  asio::awaitable<Result<bool>> pass_on(Held follower);
  static void end(Follower& follower);

  store::Store& store_;
  runtime::ContainerRuntime& runtime_;
  asio::any_io_executor executor_;
  const Clock& clock_;
  controller::Timers& timers_;
  controller::Random random_;
  std::unordered_map<ExecutionId, Held> followers_;
};

}  // namespace slipway::reconcilers

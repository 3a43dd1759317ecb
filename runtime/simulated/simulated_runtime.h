#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/container_runtime.h"
#include "runtime/simulated/simulated_engine.h"
#include "runtime/simulated/virtual_sleep.h"

namespace slipway::runtime {

/// One node process's client of a SimulatedEngine: the same promises as the Docker adapter, held to them by
/// the same conformance suite. A request travels to the engine, takes effect there after its latency, and its
/// answer is waited for up to the port's deadline; destroying the runtime recalls nothing.
class SimulatedRuntime final : public ContainerRuntime {
 public:
  SimulatedRuntime(SimulatedEngine& engine, std::string instance, asio::any_io_executor executor);
  ~SimulatedRuntime() override;
  SimulatedRuntime(const SimulatedRuntime&) = delete;
  SimulatedRuntime& operator=(const SimulatedRuntime&) = delete;

  asio::awaitable<Result<Observation>> observe(const AttemptRef& ref, const ContainerSpec* expected,
                                               bool wait_for_start) override;
  asio::awaitable<Result<std::vector<Listed>>> list() override;
  asio::awaitable<Result<PullResult>> pull(const std::string& image, ImagePullPolicy policy) override;
  asio::awaitable<Result<std::string>> create(const ContainerSpec& spec) override;
  asio::awaitable<Result<void>> start(const AttemptRef& ref, const std::string& container_id) override;
  asio::awaitable<Result<bool>> fence(const AttemptRef& ref) override;
  asio::awaitable<Result<void>> signal(const AttemptRef& ref, const std::string& container_id,
                                       Signal signal) override;
  asio::awaitable<Result<std::shared_ptr<LogStream>>> follow(const AttemptRef& ref,
                                                             const std::string& container_id,
                                                             const Limits& limits) override;
  asio::awaitable<Result<Evidence>> collect(const AttemptRef& ref, const std::string& container_id,
                                            const Limits& limits, const LiveLog& stored) override;
  asio::awaitable<Result<bool>> remove(const AttemptRef& ref, const std::string& container_id) override;
  void watch(std::function<void(const ExecutionId&)> on_change) override;
  void unwatch() override;
  asio::awaitable<Result<Capabilities>> probe() override;
  asio::awaitable<Result<bool>> has_room() override;

  /// The process dies: nobody waits for an answer any more. What was sent takes effect all the same.
  void abandon() {
    unwatch();
    sleep_.abandon();
  }

 private:
  struct Call {
    std::string_view verb;
    Duration deadline;
    bool writes = false;                       ///< past its deadline the answer is Doubt, not Retry
    std::optional<TimePoint> not_before = {};  ///< queues behind something in flight
    std::string_view container = {};           ///< it is about
    std::optional<TimePoint> due = {};  ///< takes effect exactly then; absent: after the engine's latency
  };
  /// Sends `effect` to the engine and waits for its answer.
  template <class T>
  asio::awaitable<Result<T>> request(Call call, std::function<Result<T>()> effect);
  static Observation observation_of(SimulatedEngine& engine, const std::string& instance,
                                    const AttemptRef& ref, const std::string& name);
  class Log;
  /// What its container has said beyond `from`; Retry once it has ended.
  asio::awaitable<Result<std::string>> read_log(std::string name, std::string container_id, std::size_t from);
  void prepare_directory(const std::string& name, const AttemptRef& ref);

  SimulatedEngine& engine_;
  std::string instance_;
  asio::any_io_executor executor_;
  VirtualSleep sleep_;
};

}  // namespace slipway::runtime

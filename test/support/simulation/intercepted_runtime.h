#pragma once

#include <memory>

#include "runtime/container_runtime.h"
#include "test/support/simulation/intercept.h"

namespace slipway::simulation {

/// Any container runtime, with every call led through a fault line.
class InterceptedRuntime final : public runtime::ContainerRuntime {
 public:
  InterceptedRuntime(runtime::ContainerRuntime& inner, Interceptor& interceptor)
      : inner_(inner), interceptor_(interceptor) {}

  boost::asio::awaitable<Result<runtime::Observation>> observe(const AttemptRef& ref,
                                                               const runtime::ContainerSpec* expected,
                                                               bool wait_for_start) override {
    return interceptor_.lead<runtime::Observation>(
        {"runtime.observe", false}, Duration{},
        [this, ref, expected, wait_for_start] { return inner_.observe(ref, expected, wait_for_start); });
  }
  boost::asio::awaitable<Result<std::vector<runtime::Listed>>> list() override {
    return interceptor_.lead<std::vector<runtime::Listed>>({"runtime.list", false}, Duration{},
                                                           [this] { return inner_.list(); });
  }
  boost::asio::awaitable<Result<runtime::PullResult>> pull(const std::string& image,
                                                           ImagePullPolicy policy) override {
    return interceptor_.lead<runtime::PullResult>(
        {policy == ImagePullPolicy::Never ? "runtime.look" : "runtime.pull", false}, Duration{},
        [this, image, policy] { return inner_.pull(image, policy); });
  }
  boost::asio::awaitable<Result<std::string>> create(const runtime::ContainerSpec& spec) override {
    return interceptor_.lead<std::string>({"runtime.create", true}, Duration{},
                                          [this, spec] { return inner_.create(spec); });
  }
  boost::asio::awaitable<Result<void>> start(const AttemptRef& ref,
                                             const std::string& container_id) override {
    return interceptor_.lead<void>({"runtime.start", true}, Duration{},
                                   [this, ref, container_id] { return inner_.start(ref, container_id); });
  }
  boost::asio::awaitable<Result<bool>> has_room() override { return inner_.has_room(); }
  boost::asio::awaitable<Result<bool>> fence(const AttemptRef& ref) override {
    return interceptor_.lead<bool>({"runtime.fence", false}, Duration{},
                                   [this, ref] { return inner_.fence(ref); });
  }
  boost::asio::awaitable<Result<void>> signal(const AttemptRef& ref, const std::string& container_id,
                                              runtime::Signal signal) override {
    return interceptor_.lead<void>({"runtime.signal", true}, Duration{}, [this, ref, container_id, signal] {
      return inner_.signal(ref, container_id, signal);
    });
  }
  boost::asio::awaitable<Result<std::shared_ptr<runtime::LogStream>>> follow(const AttemptRef& ref,
                                                                             const std::string& container_id,
                                                                             const Limits& limits) override {
    return interceptor_.lead<std::shared_ptr<runtime::LogStream>>(
        {"runtime.follow", false}, Duration{},
        [this, ref, container_id, limits] { return inner_.follow(ref, container_id, limits); });
  }
  boost::asio::awaitable<Result<Evidence>> collect(const AttemptRef& ref, const std::string& container_id,
                                                   const Limits& limits, const LiveLog& stored) override {
    return interceptor_.lead<Evidence>({"runtime.collect", false}, Duration{},
                                       [this, ref, container_id, limits, stored] {
                                         return inner_.collect(ref, container_id, limits, stored);
                                       });
  }
  boost::asio::awaitable<Result<bool>> remove(const AttemptRef& ref,
                                              const std::string& container_id) override {
    return interceptor_.lead<bool>({"runtime.remove", true}, Duration{},
                                   [this, ref, container_id] { return inner_.remove(ref, container_id); });
  }
  boost::asio::awaitable<Result<runtime::Capabilities>> probe() override {
    return interceptor_.lead<runtime::Capabilities>({"runtime.probe", false}, Duration{},
                                                    [this] { return inner_.probe(); });
  }
  void watch(std::function<void(const ExecutionId&)> on_change) override {
    inner_.watch(std::move(on_change));
  }
  void unwatch() override { inner_.unwatch(); }

 private:
  runtime::ContainerRuntime& inner_;
  Interceptor& interceptor_;
};

}  // namespace slipway::simulation

#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <future>
#include <optional>
#include <random>

#include "runtime/docker/docker_runtime.h"
#include "test/support/docker_engine/docker_engine.h"

namespace slipway::runtime {

/// A DockerRuntime over a private engine, driven from the test's thread.
class DockerHarness {
 public:
  explicit DockerHarness(IoMode mode, test::DockerEngine& engine, std::string instance = "test")
      : mode_(mode), engine_(engine), instance_(std::move(instance)) {
    std::filesystem::create_directories(engine_.dir() + "/state");
    restart();
  }
  ~DockerHarness() {
    runtime_.reset();
    io_.restart();
    io_.run_for(std::chrono::seconds(1));
    pool_.join();
  }

  /// As after a restart of the daemon: nothing is remembered.
  void restart(std::function<void(DockerOptions&)> change = {}) {
    DockerOptions options{.socket_path = engine_.socket_path(),
                          .state_dir = engine_.dir() + "/state",
                          .instance_id = instance_,
                          .io = mode_,
                          .cgroup_parent = engine_.cgroup_parent(),
                          .pid_file = engine_.pid_file()};
    if (change) change(options);
    cgroup_root_ = "/" + options.cgroup_parent + "/" + instance_;
    runtime_ = std::make_unique<DockerRuntime>(options, io_.get_executor(), pool_);
  }

  DockerRuntime& runtime() { return *runtime_; }
  const std::string& cgroup_root() const { return cgroup_root_; }
  std::string run_dir(const AttemptRef& ref) const {
    return engine_.dir() + "/state/runs/" + container_name(ref);
  }

  /// Runs the loop until the call answers.
  template <class T>
  T await(asio::awaitable<T> call) {
    std::optional<T> answer;
    asio::co_spawn(io_, std::move(call), [&](std::exception_ptr error, T value) {
      if (error) std::rethrow_exception(error);
      answer.emplace(std::move(value));
    });
    io_.restart();
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(90);
    while (!answer && std::chrono::steady_clock::now() < give_up)
      io_.run_one_for(std::chrono::milliseconds(100));
    if (!answer) throw std::runtime_error("the call does not answer");
    return std::move(*answer);
  }

  /// Runs the loop until `condition` holds.
  bool run_until(const std::function<bool()>& condition,
                 std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
    const auto give_up = std::chrono::steady_clock::now() + timeout;
    io_.restart();
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      io_.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
  }

  Observation observe(const ContainerSpec& spec) {
    auto seen = await(runtime().observe(spec.ref, &spec, false));
    if (!seen) throw std::runtime_error(seen.error().message);
    return *seen;
  }

  Observation wait_exit(const ContainerSpec& spec, std::chrono::seconds timeout = std::chrono::seconds(60)) {
    const auto give_up = std::chrono::steady_clock::now() + timeout;
    while (true) {
      const auto seen = await(runtime().observe(spec.ref, &spec, false));
      if (seen && seen->state == ContainerState::Exited) return *seen;
      // An engine that drains a million log lines may not answer in time; the port says Retry.
      if (!seen && seen.error().error_class != ErrorClass::Retry)
        throw std::runtime_error(seen.error().message);
      if (std::chrono::steady_clock::now() > give_up) throw std::runtime_error("the container does not exit");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  asio::io_context& io() { return io_; }

 private:
  IoMode mode_;
  test::DockerEngine& engine_;
  std::string instance_;
  std::string cgroup_root_;
  asio::io_context io_;
  asio::thread_pool pool_{2};
  std::unique_ptr<DockerRuntime> runtime_;
};

inline std::string random_uuid() {
  static std::mt19937_64 random{std::random_device{}()};
  std::string text = "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx";
  for (char& c : text) {
    if (c == 'x') c = "0123456789abcdef"[random() & 15];
  }
  return text;
}

/// A small container that runs `script` in busybox's shell.
inline ContainerSpec shell_spec(const std::string& image_id, const std::string& script) {
  ContainerSpec spec;
  spec.ref = {.execution = random_uuid(), .attempt = 1, .claim = random_uuid()};
  spec.image_id = image_id;
  spec.command = {"/bin/sh", "-c", script};
  spec.limits = {.cpu_millicores = 2000,
                 .memory = 64 << 20,
                 .pids = 32,
                 .output = 4 << 20,
                 .scratch = 4 << 20,
                 .logs = 256 << 10};
  spec.input = R"({"n":1})";
  return spec;
}

}  // namespace slipway::runtime

#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "runtime/container_runtime.h"
#include "runtime/docker/engine_probe.h"
#include "runtime/host/host.h"

namespace slipway::runtime {

/// Where input and output live (docs/ARCHITECTURE.md). Auto: mount if a probe container proves it, else
/// volume.
enum class IoMode { Auto, Mount, Volume };

struct DockerOptions {
  std::string socket_path = "/run/docker.sock";  ///< a local unix socket; nothing else has a start fence
  std::string state_dir;    ///< per-attempt files live in <state_dir>/runs/<container name>/
  std::string instance_id;  ///< label slipway.instance; [A-Za-z0-9_.-], never the engine's own id
  IoMode io = IoMode::Auto;
  std::map<std::string, std::string>
      runtime_classes;                    ///< class → name of an engine runtime, e.g. gvisor → runsc
  std::string registry_auth;              ///< path of a docker config.json; empty: anonymous
  std::string cgroup_parent = "slipway";  ///< attempts live in <cgroup_parent>/<instance_id>/<container name>
  std::string pid_file =
      "/run/docker.pid";         ///< tells the engine's process when the socket's peer is not dockerd
  int stop_timeout_seconds = 1;  ///< how long the engine waits for containers when it is itself stopped
  std::chrono::milliseconds connect_timeout{1000};
  std::chrono::milliseconds read_timeout{5000};     ///< inspect and list
  std::chrono::milliseconds doubt_timeout{35000};   ///< inspect behind a start in flight
  std::chrono::milliseconds effect_timeout{30000};  ///< create, start, remove, collect
  std::chrono::milliseconds signal_timeout{10000};
  std::chrono::milliseconds pull_idle_timeout{60000};
  std::chrono::milliseconds pull_timeout{600000};  ///< of one pull as a whole
  Host* host = nullptr;                            ///< null: this machine
};

/// ContainerRuntime over the Docker Engine API (1.41 to current) on a unix socket.
///
/// Lives on one io thread; mounts, files, cgroups and tar run on `pool`. The pool and the io context must
/// outlive every call; the runtime itself may be destroyed once no call is in flight: its streams are closed
/// then.
class DockerRuntime final : public ContainerRuntime {
 public:
  DockerRuntime(DockerOptions options, asio::any_io_executor io, asio::thread_pool& pool,
                EngineProbe* probe = nullptr);
  ~DockerRuntime() override;

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

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace slipway::runtime

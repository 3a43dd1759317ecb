#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/docker/cgroup_names.h"
#include "runtime/docker/cgroups.h"
#include "runtime/docker/create_body.h"
#include "runtime/docker/docker_runtime.h"
#include "runtime/docker/engine_client.h"
#include "runtime/docker/run_files.h"

namespace slipway::runtime {

/// What inspect says of a container, reduced to what the verbs need. Absent: 404.
struct Inspected {
  bool exists = false;
  std::string id;
  nlohmann::json json;
  EngineProcess engine;
};

/// The parts behind DockerRuntime. Each verb has its file: observe.cc, create.cc, start.cc, follow.cc,
/// collect.cc, remove.cc, list.cc, images.cc, probe.cc, watch.cc.
class DockerRuntime::Impl : public std::enable_shared_from_this<DockerRuntime::Impl> {
 public:
  Impl(DockerOptions options, asio::any_io_executor io, asio::thread_pool& pool, EngineProbe* probe);

  asio::awaitable<Result<Observation>> observe(AttemptRef ref, const ContainerSpec* expected,
                                               bool wait_for_start);
  asio::awaitable<Result<std::vector<Listed>>> list();
  asio::awaitable<Result<PullResult>> pull(std::string image, ImagePullPolicy policy);
  asio::awaitable<Result<std::string>> create(const ContainerSpec& spec);
  asio::awaitable<Result<void>> start(AttemptRef ref, std::string container_id);
  asio::awaitable<Result<bool>> fence(AttemptRef ref);
  asio::awaitable<Result<void>> signal(std::string container_id, Signal signal);
  asio::awaitable<Result<std::shared_ptr<LogStream>>> follow(std::string container_id, std::int64_t cap);
  asio::awaitable<Result<Evidence>> collect(AttemptRef ref, std::string container_id, Limits limits,
                                            LiveLog stored);
  asio::awaitable<Result<bool>> remove(AttemptRef ref, std::string container_id);
  asio::awaitable<Result<Capabilities>> probe();
  asio::awaitable<Result<bool>> has_room();
  void watch(std::function<void(const ExecutionId&)> on_change);
  void unwatch();
  void shut_down();

 private:
  // observe.cc
  asio::awaitable<Result<void>> look_closer(const std::string& name, const nlohmann::json& state,
                                            bool in_doubt, Observation& seen);
  asio::awaitable<Result<bool>> stopped_from_outside(const Observation& seen);
  asio::awaitable<Result<bool>> leaves_something(std::string name);
  std::string compare(ContainerSpec expected, const nlohmann::json& facts) const;
  asio::awaitable<Result<Inspected>> inspect(std::string name_or_id, std::chrono::milliseconds timeout);
  bool is_ours(const nlohmann::json& inspected, const AttemptRef& ref) const;
  NodeBinding node_binding(const ContainerSpec& spec, bool volumes) const;
  /// To be asked in the loop: a probe of an engine that came back may change the names while the pool works.
  CgroupNames cgroup_names() const {
    return {options_.cgroup_parent, options_.instance_id, systemd_cgroups_};
  }
  std::string cgroup_of(const std::string& name) const { return cgroup_names().path_of(name); }
  Result<bool> remove_cgroup(const std::string& name) const;

  // create.cc
  asio::awaitable<Result<void>> prepare(const ContainerSpec& spec);
  asio::awaitable<Result<std::string>> adopt(AttemptRef ref, Error why_not_created);

  // volumes.cc: volume mode
  asio::awaitable<Result<void>> prepare_volumes(const ContainerSpec& spec);
  asio::awaitable<Result<void>> fill_volumes(const ContainerSpec& spec);
  asio::awaitable<Result<void>> make_helper(const std::string& name, const AttemptRef& ref);
  asio::awaitable<Result<void>> read_archive(std::string container, std::int64_t cap, Evidence& evidence);
  asio::awaitable<Result<bool>> remove_volumes(AttemptRef ref);
  asio::awaitable<Result<bool>> has_volume(std::string volume);
  asio::awaitable<Result<void>> read_volume(AttemptRef ref, std::string container_id, std::int64_t cap,
                                            Evidence& evidence);

  // collect.cc
  Result<bool> read_host(const std::string& name, const std::string& cgroup, std::int64_t cap,
                         Evidence& evidence) const;
  asio::awaitable<Result<bool>> read_logs(std::string container_id, std::int64_t cap, LiveLog stored,
                                          Evidence& evidence);

  // remove.cc
  asio::awaitable<Result<bool>> remove_container(std::string id);
  struct Own {
    std::string id;        ///< empty: there is no container of ours
    bool volumes = false;  ///< volume mode has left, or may have left, something on the engine
  };
  asio::awaitable<Result<Own>> own_container(AttemptRef ref);

  // images.cc
  asio::awaitable<Result<std::optional<ImageInfo>>> inspect_image(std::string image);
  asio::awaitable<Result<PullResult>> pull_once(std::string image, ImagePullPolicy policy);
  asio::awaitable<Result<PullResult>> fetch(std::string image);

  // probe.cc
  struct Facts {
    nlohmann::json json;
  };
  asio::awaitable<Result<Facts>> ask(std::string target);
  asio::awaitable<Result<std::string>> probe_image();
  asio::awaitable<Result<void>> prove_cgroups(std::string name);
  asio::awaitable<Result<void>> run_probe_container();
  asio::awaitable<Result<void>> probe_steps(const ContainerSpec& spec);
  asio::awaitable<Result<void>> choose_mode(Capabilities& found);

  // watch.cc
  asio::awaitable<Result<void>> arm_wait(AttemptRef ref, std::string container_id, bool before_start);
  asio::awaitable<void> follow_events();
  asio::awaitable<bool> read_events(EngineStream& stream);
  void disarm(const std::string& container_id);
  bool told_by_wait(const std::string& action, const std::string& container_id);
  void notify(const ExecutionId& execution);

  /// Runs blocking work on the pool and comes back to the io thread.
  template <class Work>
  asio::awaitable<std::invoke_result_t<Work>> on_pool(Work work) {
    using Answer = std::invoke_result_t<Work>;
    auto task = [](Work run) -> asio::awaitable<Answer> { co_return run(); };
    co_return co_await asio::co_spawn(pool_, task(std::move(work)), asio::use_awaitable);
  }

  DockerOptions options_;
  asio::any_io_executor io_;
  asio::thread_pool& pool_;
  Host& host_;
  EngineClient client_;
  RunFiles files_;
  Cgroups cgroups_;
  bool volumes_ = false;          ///< the mode of containers made from now on
  bool systemd_cgroups_ = false;  ///< the engine's cgroup parents are slices
  std::function<void(const ExecutionId&)> on_change_;
  std::shared_ptr<asio::steady_timer> watch_pause_;
  std::set<ExecutionId> probes_;   ///< containers of probes under way: no orphans
  std::uint64_t watch_epoch_ = 0;  ///< grows with every watch and unwatch; an older follower ends
  std::map<std::string, std::shared_ptr<EngineStream>>
      armed_;  ///< by container id: waits for an exit; null while opening
  std::set<std::string> died_while_arming_;
  std::set<std::string> signalled_;   ///< containers this process has sent TERM or KILL, until their removal
  std::set<std::string> exits_told_;  ///< by a wait, ahead of the event that says the same
  std::set<std::shared_ptr<EngineStream>> streams_;
  std::map<std::string, std::shared_ptr<asio::steady_timer>> pulling_;  ///< one pull per image at a time
};

/// Engine answers are read without exceptions: a missing or mistyped member is the default.
inline const nlohmann::json& member(const nlohmann::json& object, std::string_view name) {
  static const nlohmann::json null;
  if (!object.is_object()) return null;
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}
inline std::string text_of(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}
inline nlohmann::json parse_answer(const std::string& body) {
  return nlohmann::json::parse(body, nullptr, false);
}

/// What `State` blames for a container that never ran.
std::optional<Reason> refusal_of(const nlohmann::json& state);

/// For the operator: status and what the engine said.
Error engine_error(ErrorClass error_class, std::string_view op, const EngineResponse& response);

std::string url_escape(std::string_view text);

}  // namespace slipway::runtime

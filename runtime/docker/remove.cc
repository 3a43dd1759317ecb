#include "runtime/docker/docker_impl.h"

namespace slipway::runtime {

/// The id of this attempt's container, empty when there is none. A foreign container of the same name is left
/// alone.
asio::awaitable<Result<DockerRuntime::Impl::Own>> DockerRuntime::Impl::own_container(AttemptRef ref) {
  auto there = co_await inspect(container_name(ref), options_.read_timeout);
  if (!there) co_return there.error();
  if (!there->exists || !is_ours(there->json, ref)) co_return Own{.volumes = true};
  const std::string io = text_of(member(member(member(there->json, "Config"), "Labels"), kLabelIo));
  co_return Own{.id = there->id, .volumes = io == "volume"};
}

/// true: the engine no longer knows it.
asio::awaitable<Result<bool>> DockerRuntime::Impl::remove_container(std::string id) {
  for (int round = 0; round < 2; ++round) {  // a "dead" one is deleted again
    EngineRequest request{.op = "remove",
                          .method = "DELETE",
                          .target = "/containers/" + id + "?force=1&v=1",
                          .timeout = options_.effect_timeout};
    auto answer = co_await client_.call(std::move(request));
    if (!answer) co_return answer.error();
    if (answer->status == 404 || answer->status == 204) co_return true;
    if (answer->status == 409) co_return false;
    if (answer->status >= 400) co_return engine_error(ErrorClass::Retry, "remove", *answer);
    auto there = co_await inspect(id, options_.read_timeout);
    if (!there) co_return there.error();
    if (!there->exists) co_return true;
  }
  co_return false;
}

/// In the way of whoever keeps the tree: a directory is removed, a slice is stopped, or systemd would
/// remember it until the next boot. First the slice: a directory that is still there is found after a crash.
/// Whom systemd does not obey still removes the directory; what is left then, doctor tells.
Result<bool> DockerRuntime::Impl::remove_cgroup(const std::string& name) const {
  const std::string path = cgroup_of(name);
  if (systemd_cgroups_) {
    const auto here = cgroups_.exists(path);
    if (!here || !*here) return here ? Result<bool>(true) : here;
    const auto quiet = cgroups_.kill_all(path);
    if (!quiet || !*quiet) return quiet;
    const auto stopped = host_.stop_unit(cgroup_names().parent_for_engine(name));
    if (!stopped && stopped.error().error_class != ErrorClass::Unsupported) return stopped.error();
  }
  // A cgroup that can be removed holds nobody.
  const auto gone = cgroups_.remove(path);
  if (!gone || *gone) return gone;
  const auto quiet = cgroups_.kill_all(path);
  if (!quiet || !*quiet) return quiet;
  return cgroups_.remove(path);
}

asio::awaitable<Result<bool>> DockerRuntime::Impl::remove(AttemptRef ref, std::string container_id) {
  const std::string name = container_name(ref);
  // A full id the caller has seen as ours names nothing else, ever; what was mounted for it leaves a
  // directory.
  Own own{.id = container_id, .volumes = false};
  if (container_id.empty()) {
    auto found = co_await own_container(ref);
    if (!found) co_return found.error();
    own = std::move(*found);
  }
  if (!own.id.empty()) {
    auto gone = co_await remove_container(own.id);
    if (!gone || !*gone) co_return gone;
    disarm(own.id);
  }
  bool mounted = true;
  const auto gone = co_await on_pool([this, name, &mounted]() -> Result<bool> {
    const auto empty = remove_cgroup(name);
    if (!empty || !*empty) return empty;
    const auto here = files_.exists(name);
    if (!here) return here;
    mounted = *here;
    return files_.remove(name);
  });
  if (!gone || !*gone || (mounted && !own.volumes)) co_return gone;
  co_return co_await remove_volumes(ref);
}

}  // namespace slipway::runtime

#include "runtime/docker/docker_impl.h"
#include "runtime/docker/log_frames.h"
#include "runtime/docker/log_keeper.h"

namespace slipway::runtime {
namespace {

/// Least bytes of one entry in the engine's log file beside its text: two lengths, source, time, tags.
constexpr std::int64_t kEntryOverhead = 28;

/// The engine keeps kLogFiles files of `cap` bytes and drops the oldest. When what is there comes near the
/// least it holds after a drop, something may have been dropped.
bool engine_may_have_dropped(std::int64_t stored_bytes, std::int64_t cap) {
  return stored_bytes >= (kLogFiles - 1) * cap - cap / 16;
}

}  // namespace

/// false: there is no such container.
///
/// On a connection of its own, and that is part of the evidence: an engine that is being stopped takes its
/// containers with it while kept connections still answer, and their exits look like their own. It has closed
/// its door before that, so an exit is believed only from an engine that still lets us in.
asio::awaitable<Result<bool>> DockerRuntime::Impl::read_logs(std::string container_id, std::int64_t cap,
                                                             LiveLog stored, Evidence& evidence) {
  const auto give_up = std::chrono::steady_clock::now() + options_.effect_timeout / 2;
  EngineRequest request{.op = "logs",
                        .target = "/containers/" + container_id + "/logs?stdout=1&stderr=1&timestamps=1",
                        .timeout = options_.effect_timeout / 2};
  auto stream = co_await client_.open(std::move(request));
  if (!stream) co_return stream.error();
  if ((*stream)->status() != 200) {
    // A clear no: the container is gone, or the engine cannot read its own files. There will be no better
    // answer.
    evidence.logs_truncated = true;
    co_return (*stream)->status() != 404;
  }
  const bool from_start = stored.end == 0;
  LogKeeper keeper(static_cast<std::size_t>(std::max<std::int64_t>(cap - stored.end, 0)));
  std::int64_t on_disk = 0;
  LogFrames frames([&](LogChunk::Stream source, std::string_view entry) {
    TimePoint at{};
    take_timestamp(entry, at);
    on_disk += static_cast<std::int64_t>(entry.size()) + kEntryOverhead;
    if (from_start || at > stored.until) keeper.add(source, at, entry);
  });
  bool cut = false;
  while (!cut) {
    auto piece = co_await (*stream)->read(options_.read_timeout);
    if (!piece) co_return piece.error();
    if (piece->empty()) break;
    cut = !frames.feed(*piece) || std::chrono::steady_clock::now() > give_up;
  }
  const bool dropped = engine_may_have_dropped(on_disk, cap);
  if (dropped) keeper.mark_beginning_dropped();
  keeper.finish(evidence.logs, evidence.logs_truncated);
  evidence.logs_truncated |= cut;
  evidence.logs_from_start = from_start && !dropped;
  co_return true;
}

/// What this host has of an attempt. false: it was made without files here. Blocks.
Result<bool> DockerRuntime::Impl::read_host(const std::string& name, const std::string& cgroup,
                                            std::int64_t cap, Evidence& evidence) const {
  const auto quiet = cgroups_.kill_all(cgroup);
  if (!quiet) return quiet;
  if (!*quiet) return Error{ErrorClass::Retry, name + ": processes outlive SIGKILL"};
  const auto mounted = files_.exists(name);  // as it was made, whatever this daemon would use now
  if (!mounted) return mounted;
  if (auto read = files_.read_result(name, cap, evidence); !read) return read.error();
  const CgroupUsage usage = cgroups_.usage(cgroup);
  evidence.peak_memory_bytes = usage.peak_memory_bytes;
  if (usage.cpu_ns) evidence.cpu_ms = *usage.cpu_ns / 1'000'000;
  return mounted;
}

asio::awaitable<Result<Evidence>> DockerRuntime::Impl::collect(AttemptRef ref, std::string container_id,
                                                               Limits limits, LiveLog stored) {
  const std::string name = container_name(ref);
  Evidence evidence;
  evidence.logs_behind = stored.end;
  // The container stays until this could be read: whatever keeps it from that may pass.
  const auto mounted = co_await on_pool([this, name, cgroup = cgroup_of(name), &evidence, &limits] {
    return read_host(name, cgroup, limits.output, evidence);
  });
  if (!mounted) co_return Error{ErrorClass::Retry, mounted.error().message};
  if (!container_id.empty()) {
    auto found = co_await read_logs(container_id, limits.logs, stored, evidence);
    if (!found) co_return found.error();
    if (!*found) container_id.clear();
  }
  if (!*mounted) {
    if (auto read = co_await read_volume(ref, container_id, limits.output, evidence); !read)
      co_return read.error();
  }
  co_return evidence;
}

}  // namespace slipway::runtime

#include <random>

#include "runtime/docker/docker_impl.h"
#include "runtime/docker/probe_program.h"
#include "runtime/docker/tar.h"

namespace slipway::runtime {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr const char* kProbeRepository = "slipway-probe";
constexpr const char* kProbeTag = "1";
// Below these a node takes no work after it has been full: where the engine keeps its containers, and where
// inputs are.
constexpr std::int64_t kEngineBytes = 64 << 20;
constexpr std::int64_t kOwnBytes = 2 << 20;
constexpr std::int64_t kRoomFiles = 4096;

std::string random_hex(std::size_t length) {
  std::random_device source;
  std::string text;
  while (text.size() < length) text += "0123456789abcdef"[source() & 15];
  return text;
}

bool says_true(const json& value) { return value.is_boolean() && value.get<bool>(); }

ContainerSpec probe_spec(const std::string& image) {
  ContainerSpec spec;
  // No row has such a claim, so a probe left by a killed daemon is an orphan to the next one.
  const std::string id = "00000000-0000-4000-8000-" + random_hex(12);
  spec.ref = {.execution = id, .attempt = 1, .claim = id};
  spec.image_id = image;
  spec.command = {"/probe"};
  spec.limits = {.cpu_millicores = 500,
                 .memory = 64 << 20,
                 .pids = 128,  // gVisor takes 38 of them before the program does anything
                 .output = 1 << 20,
                 .scratch = 1 << 20,
                 .logs = 64 << 10};
  spec.input = "\"" + random_hex(32) + "\"";
  return spec;
}

void add_kernel_gaps(const json& info, std::vector<std::string>& not_enforceable) {
  for (const auto& [field, limit] : std::initializer_list<std::pair<const char*, const char*>>{
           {"MemoryLimit", "memory"}, {"SwapLimit", "swap"}, {"PidsLimit", "pids"}, {"CpuCfsQuota", "cpu"}}) {
    if (!says_true(member(info, field))) not_enforceable.push_back(limit);
  }
  bool seccomp = false;
  for (const json& option : member(info, "SecurityOptions"))
    seccomp |= text_of(option).starts_with("name=seccomp");
  if (!seccomp) not_enforceable.push_back("seccomp");
}

}  // namespace

asio::awaitable<Result<DockerRuntime::Impl::Facts>> DockerRuntime::Impl::ask(std::string target) {
  auto answer =
      co_await client_.call({.op = "info", .target = std::move(target), .timeout = options_.read_timeout});
  if (!answer) co_return answer.error();
  Facts facts;
  facts.json = parse_answer(answer->body);
  if (answer->status != 200 || !facts.json.is_object())
    co_return engine_error(ErrorClass::Retry, "info", *answer);
  co_return facts;
}

/// Id of a tiny image of ours, imported on first use: no registry and no file is needed.
asio::awaitable<Result<std::string>> DockerRuntime::Impl::probe_image() {
  const std::string name = std::string(kProbeRepository) + ":" + kProbeTag;
  auto present = co_await inspect_image(name);
  if (!present) co_return present.error();
  if (*present) co_return (*present)->id;
  const std::string tar = make_tar({{.path = "probe", .bytes = probe_program(), .mode = 0755}});
  auto loaded = co_await client_.call(
      {.op = "load_image",
       .method = "POST",
       .target = std::string("/images/create?fromSrc=-&repo=") + kProbeRepository + "&tag=" + kProbeTag,
       .body = tar,
       .content_type = "application/x-tar",
       .timeout = options_.effect_timeout});
  if (!loaded) co_return Error{ErrorClass::Retry, loaded.error().message};
  auto now_present = co_await inspect_image(name);
  if (!now_present) co_return now_present.error();
  if (!*now_present) co_return engine_error(ErrorClass::Retry, "import of the probe image", *loaded);
  co_return (*now_present)->id;
}

/// The verbs themselves on a container that copies its input to its output: what comes back went through the
/// engine's mount namespace, and containerd's, both ways.
asio::awaitable<Result<void>> DockerRuntime::Impl::probe_steps(const ContainerSpec& spec) {
  auto id = co_await create(spec);
  if (!id) co_return id.error();
  if (auto started = co_await start(spec.ref, *id); !started) co_return started.error();
  const auto give_up = std::chrono::steady_clock::now() + options_.effect_timeout;
  asio::steady_timer timer(io_);
  while (true) {
    auto seen = co_await observe(spec.ref, &spec, false);
    if (!seen) co_return seen.error();
    if (!seen->violated_limit.empty())
      co_return Error{ErrorClass::Unsupported, "probe: " + seen->violated_limit};
    if (seen->state == ContainerState::Exited) break;
    if (std::chrono::steady_clock::now() > give_up)
      co_return Error{ErrorClass::Unsupported, "the probe container does not end"};
    timer.expires_after(10ms);
    co_await timer.async_wait(asio::use_awaitable);
  }
  auto evidence = co_await collect(spec.ref, *id, spec.limits, {});
  if (!evidence) co_return evidence.error();
  if (evidence->result_state != Evidence::ResultState::Present || evidence->result != spec.input) {
    co_return Error{
        ErrorClass::Unsupported,
        "the probe container's output did not arrive: the engine sees other mounts than this daemon"};
  }
  co_return Result<void>();
}

/// Whoever cannot see the engine's cgroups can neither measure an attempt nor prove that nothing is left of
/// it, and takes what the engine leaves there for gone. The parent is looked for, which stays when a
/// container's own goes.
asio::awaitable<Result<void>> DockerRuntime::Impl::prove_cgroups(std::string name) {
  auto parent = cgroup_of(name);
  parent.resize(parent.rfind('/'));
  const auto seen = co_await on_pool([this, parent] { return cgroups_.exists(parent); });
  if (!seen) co_return Error{ErrorClass::Retry, seen.error().message};
  if (*seen) co_return Result<void>();
  co_return Error{ErrorClass::Unsupported,
                  "the engine made no cgroup " + parent +
                      " that is seen below /sys/fs/cgroup: a daemon in a container needs its host's "
                      "(docker run -v /sys/fs/cgroup:/sys/fs/cgroup)"};
}

asio::awaitable<Result<void>> DockerRuntime::Impl::run_probe_container() {
  auto image = co_await probe_image();
  if (!image) co_return image.error();
  const ContainerSpec spec = probe_spec(*image);
  probes_.insert(spec.ref.execution);
  auto outcome = co_await probe_steps(spec);
  if (outcome) outcome = co_await prove_cgroups(container_name(spec.ref));
  auto removed = co_await remove(spec.ref, {});
  probes_.erase(spec.ref.execution);
  if (outcome && !removed) co_return removed.error();
  co_return outcome;
}

asio::awaitable<Result<void>> DockerRuntime::Impl::choose_mode(Capabilities& found) {
  if (options_.io != IoMode::Volume) {
    volumes_ = false;
    auto proved = co_await run_probe_container();
    // Only a proof that mounts do not work changes the mode; an engine that is away must not.
    const bool unfit = !proved && proved.error().error_class != ErrorClass::Retry &&
                       proved.error().error_class != ErrorClass::Doubt;
    if (!proved && (options_.io == IoMode::Mount || !unfit)) co_return proved.error();
    volumes_ = !proved;
  }
  if (volumes_) {
    found.not_enforceable.push_back("output");
    if (auto proved = co_await run_probe_container(); !proved) co_return proved.error();
  }
  found.io_mode = volumes_ ? "volume" : "mount";
  co_return Result<void>();
}

asio::awaitable<Result<Capabilities>> DockerRuntime::Impl::probe() {
  client_.forget_version();
  auto answer = co_await ask("/info");
  if (!answer) co_return answer.error();
  const json& info = answer->json;
  Capabilities found;
  found.engine_version = text_of(member(info, "ServerVersion"));
  found.api_version = client_.api_version();
  found.live_restore = says_true(member(info, "LiveRestoreEnabled"));
  systemd_cgroups_ = text_of(member(info, "CgroupDriver")) == "systemd";
  const json& runtimes = member(info, "Runtimes");
  for (const auto& [name, ignored] : runtimes.items()) found.runtimes.push_back(name);
  add_kernel_gaps(info, found.not_enforceable);
  if (auto chosen = co_await choose_mode(found); !chosen) co_return chosen.error();
  co_return found;
}

/// Where the engine keeps its containers is its own to say. A daemon in a container may not see that place:
/// then what the disk says is not known, and the next container has to try.
asio::awaitable<Result<bool>> DockerRuntime::Impl::has_room() {
  auto answer = co_await ask("/info");
  if (!answer) co_return answer.error();
  const std::string root = text_of(member(answer->json, "DockerRootDir"));
  co_return co_await on_pool([this, root]() -> Result<bool> {
    for (const auto& [place, bytes] :
         {std::pair(root, kEngineBytes), std::pair(options_.state_dir, kOwnBytes)}) {
      const auto room = host_.room(place);
      if (!room && room.error().error_class == ErrorClass::NotFound) continue;
      if (!room) return room.error();
      if (room->bytes < bytes || room->files < kRoomFiles) return false;
    }
    return true;
  });
}

}  // namespace slipway::runtime

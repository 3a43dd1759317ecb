#include "api/utf8.h"
#include "runtime/docker/docker_impl.h"
#include "runtime/docker/limits.h"
#include "runtime/docker/rfc3339.h"

namespace slipway::runtime {
namespace {

constexpr std::size_t kMostWords = 4096;  // of what the engine says of a failure

using nlohmann::json;

TimePoint engine_now() {  // the engine is on this host: its clock is ours
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

ContainerState state_of(const json& state) {
  const std::string status = text_of(member(state, "Status"));
  if (status == "running" || status == "restarting") return ContainerState::Running;
  if (status == "paused") return ContainerState::Paused;
  if (status == "exited") return ContainerState::Exited;
  if (status == "removing") return ContainerState::Removing;
  if (status == "dead") return ContainerState::Dead;
  return ContainerState::Created;
}

void read_state(const json& state, Observation& seen) {
  seen.state = state_of(state);
  const json& code = member(state, "ExitCode");
  seen.exit_code = code.is_number_integer() ? code.get<int>() : 0;
  seen.oom_killed = member(state, "OOMKilled").is_boolean() && member(state, "OOMKilled").get<bool>();
  seen.engine_error = excerpt(text_of(member(state, "Error")), kMostWords);
  seen.started_at = parse_rfc3339(text_of(member(state, "StartedAt"))).value_or(TimePoint{});
  seen.finished_at = parse_rfc3339(text_of(member(state, "FinishedAt"))).value_or(TimePoint{});
  if (seen.finished_at != TimePoint{}) seen.finished_at = std::max(seen.finished_at, seen.started_at);
}

/// Once it has, whether it could be started again is no question.
bool has_run(const Observation& seen) { return seen.started_at != TimePoint{}; }

}  // namespace

NodeBinding DockerRuntime::Impl::node_binding(const ContainerSpec& spec, bool volumes) const {
  const std::string name = container_name(spec.ref);
  NodeBinding node{.instance_id = options_.instance_id,
                   .cgroup_parent = cgroup_names().parent_for_engine(name),
                   .stop_timeout_seconds = options_.stop_timeout_seconds};
  if (const auto found = options_.runtime_classes.find(spec.runtime_class);
      found != options_.runtime_classes.end()) {
    node.runtime = found->second;
  }
  node.io.volumes = volumes;
  node.io.input = volumes ? name + "-input" : files_.input_dir(name);
  node.io.output = volumes ? name + "-output" : files_.output_dir(name);
  return node;
}

asio::awaitable<Result<Inspected>> DockerRuntime::Impl::inspect(std::string name_or_id,
                                                                std::chrono::milliseconds timeout) {
  EngineRequest request{.op = "inspect", .target = "/containers/" + name_or_id + "/json", .timeout = timeout};
  auto answer = co_await client_.call(std::move(request));
  if (!answer) co_return answer.error();
  Inspected seen;
  seen.engine = answer->engine;
  if (answer->status == 404) co_return seen;
  if (answer->status != 200) co_return engine_error(ErrorClass::Retry, "inspect", *answer);
  seen.json = parse_answer(answer->body);
  seen.id = text_of(member(seen.json, "Id"));
  if (seen.id.empty()) co_return engine_error(ErrorClass::Retry, "inspect", *answer);
  seen.exists = true;
  co_return seen;
}

bool DockerRuntime::Impl::is_ours(const json& inspected, const AttemptRef& ref) const {
  const json& labels = member(member(inspected, "Config"), "Labels");
  const json wanted = labels_of(ref, options_.instance_id);
  for (const auto& [name, value] : wanted.items()) {
    if (name == kLabelClaim && ref.claim.empty()) continue;  // a leftover is known by its name alone
    if (member(labels, name) != value) return false;
  }
  return true;
}

asio::awaitable<Result<Observation>> DockerRuntime::Impl::observe(AttemptRef ref,
                                                                  const ContainerSpec* expected,
                                                                  bool wait_for_start) {
  const std::string name = container_name(ref);
  auto inspected = co_await inspect(name, wait_for_start ? options_.doubt_timeout : options_.read_timeout);
  if (!inspected) co_return inspected.error();
  Observation seen;
  seen.observed_at = engine_now();
  seen.engine = inspected->engine.identity;
  seen.engine_started_at = inspected->engine.started_at;
  if (!inspected->exists) {
    const auto fenced = co_await on_pool([this, name] { return files_.fenced(name); });
    if (!fenced) co_return fenced.error();
    seen.fenced = *fenced;
    const auto left = co_await leaves_something(name);
    if (!left) co_return left.error();
    seen.leftovers = *left;
    co_return seen;
  }
  const json& facts = inspected->json;
  seen.ours = is_ours(facts, ref);
  read_state(member(facts, "State"), seen);
  if (!seen.ours) {
    const auto left = co_await leaves_something(name);
    if (!left) co_return left.error();
    seen.leftovers = *left;
    co_return seen;
  }
  seen.container_id = inspected->id;
  seen.image_id = text_of(member(facts, "Image"));
  seen.effective_limits = effective_limits(facts);
  if (expected) seen.violated_limit = compare(*expected, facts);
  if (!has_run(seen)) {
    const auto cut_off = co_await on_pool([this, name] { return files_.cut_off(name); });
    if (!cut_off) co_return cut_off.error();
    seen.fenced = *cut_off;
  }
  // A daemon that came back knows nothing of the waits it had armed.
  if (seen.state == ContainerState::Running && on_change_ && !armed_.contains(seen.container_id)) {
    co_await arm_wait(ref, seen.container_id, false);
  }
  co_return seen;
}

/// No container of ours, but a directory, mount, cgroup or volume of this attempt.
asio::awaitable<Result<bool>> DockerRuntime::Impl::leaves_something(std::string name) {
  const auto here = co_await on_pool([this, name, cgroup = cgroup_of(name)] {
    const auto files = files_.exists(name);
    return !files || *files ? files : cgroups_.exists(cgroup);
  });
  if (!here || *here || !volumes_) co_return here;
  co_return co_await has_volume(name + "-output");
}

std::string DockerRuntime::Impl::compare(ContainerSpec expected, const json& facts) const {
  const bool volumes = text_of(member(member(member(facts, "Config"), "Labels"), kLabelIo)) == "volume";
  if (expected.image_id.empty()) expected.image_id = text_of(member(member(facts, "Config"), "Image"));
  return violated_limit(create_body(expected, node_binding(expected, volumes)), facts);
}

}  // namespace slipway::runtime

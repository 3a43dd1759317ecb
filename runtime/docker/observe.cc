#include <sstream>

#include "api/utf8.h"
#include "runtime/docker/docker_impl.h"
#include "runtime/docker/engine_identity.h"
#include "runtime/docker/engine_words.h"
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
  seen.refused = refusal_of(state);
  seen.finished_at = parse_rfc3339(text_of(member(state, "FinishedAt"))).value_or(TimePoint{});
  if (seen.finished_at != TimePoint{}) seen.finished_at = std::max(seen.finished_at, seen.started_at);
}

constexpr auto kStopTakes = std::chrono::seconds(30);  // from a person's first signal to the exit

/// Events are told after what they tell of, by some milliseconds.
constexpr auto kEventLag = std::chrono::seconds(2);

/// "<seconds>.<nanoseconds>"
std::string engine_time(TimePoint at) {
  const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
  const std::string fraction = std::to_string(nanos % 1'000'000'000);
  return std::to_string(nanos / 1'000'000'000) + "." + std::string(9 - fraction.size(), '0') + fraction;
}

bool ended_badly(const Observation& seen) {
  return seen.state == ContainerState::Exited && seen.started_at != TimePoint{} && seen.exit_code != 0;
}

/// Once it has, whether it could be started again is no question.
bool has_run(const Observation& seen) { return seen.started_at != TimePoint{}; }

}  // namespace

std::optional<Reason> refusal_of(const json& state) {
  const bool never_ran =
      parse_rfc3339(text_of(member(state, "StartedAt"))).value_or(TimePoint{}) == TimePoint{};
  const json& code = member(state, "ExitCode");
  if (!never_ran || !code.is_number_integer()) return std::nullopt;
  return refusal_of_start(code.get<long>(), text_of(member(state, "Error")));
}

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
  if (auto looked = co_await look_closer(name, member(facts, "State"), wait_for_start, seen); !looked)
    co_return looked.error();
  // A daemon that came back knows nothing of the waits it had armed.
  if (seen.state == ContainerState::Running && on_change_ && !armed_.contains(seen.container_id)) {
    co_await arm_wait(ref, seen.container_id, false);
  }
  co_return seen;
}

/// What inspect does not say.
asio::awaitable<Result<void>> DockerRuntime::Impl::look_closer(const std::string& name, const json& state,
                                                               bool in_doubt, Observation& seen) {
  if (!has_run(seen)) {
    const auto cut_off = co_await on_pool([this, name] { return files_.cut_off(name); });
    if (!cut_off) co_return cut_off.error();
    seen.fenced = *cut_off;
    // Engines from 26 on give up a start with the client that asked for it: the end of our own patience, and
    // no failure of theirs. The fence says the rest.
    if (seen.fenced && says_cancelled(seen.engine_error)) seen.engine_error.clear();
    // The engine's word is worth nothing if it has lost its containerd in the middle of a start.
    if (in_doubt && !says_never_made(seen.engine_error)) {
      const auto used =
          co_await on_pool([this, cgroup = cgroup_of(name)] { return cgroups_.was_used(cgroup); });
      if (!used) co_return used.error();
      seen.may_have_run = *used;
    }
  }
  if (seen.state == ContainerState::Running || seen.state == ContainerState::Paused) {
    const json& pid = member(state, "Pid");
    const auto age = process_age(host_, pid.is_number_integer() ? pid.get<pid_t>() : 0, cgroup_of(name));
    if (!age) co_return age.error();
    seen.running_for = *age;
  }
  if (seen.state == ContainerState::Exited && has_run(seen)) {
    // The engine hears of a kill and of the exit on two ways, and may tell the exit first. The kernel has
    // counted before it kills.
    const auto kills =
        co_await on_pool([this, cgroup = cgroup_of(name)] { return cgroups_.oom_kills(cgroup); });
    if (kills) seen.oom_killed = *kills > 0;
  }
  if (ended_badly(seen) && !signalled_.contains(seen.container_id)) {
    const auto stopped = co_await stopped_from_outside(seen);
    if (!stopped) co_return stopped.error();
    seen.stopped_from_outside = *stopped;
  }
  co_return Result<void>();
}

/// By the events the engine still has: some 256 of all containers, of this life of it.
asio::awaitable<Result<bool>> DockerRuntime::Impl::stopped_from_outside(const Observation& seen) {
  const json filter = {{"type", {"container"}}, {"container", {seen.container_id}}, {"event", {"kill"}}};
  auto answer = co_await client_.call(
      {.op = "events",
       .target = "/events?since=" + engine_time(seen.finished_at - kStopTakes) +
                 "&until=" + engine_time(seen.observed_at) + "&filters=" + url_escape(filter.dump()),
       .timeout = options_.read_timeout});
  if (!answer) co_return answer.error();
  std::istringstream lines(answer->body);
  for (std::string line; std::getline(lines, line);) {
    const json event = parse_answer(line);
    const json& at = member(event, "timeNano");
    const std::string signal = text_of(member(member(member(event, "Actor"), "Attributes"), "signal"));
    if (!at.is_number_integer() || (signal != "9" && signal != "15" && signal != "2" && signal != "3"))
      continue;
    const TimePoint told(
        std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(at.get<std::int64_t>())));
    if (told <= seen.finished_at + kEventLag) co_return true;
  }
  co_return false;
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

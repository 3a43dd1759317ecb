#include "runtime/simulated/simulated_runtime.h"

#include <algorithm>
#include <boost/asio/post.hpp>

namespace slipway::runtime {
namespace {

using std::chrono::seconds;

bool is_ours(const SimulatedContainer& container, const AttemptRef& ref, const std::string& instance) {
  const auto& labels = container.spec.ref;
  return container.instance == instance && labels.execution == ref.execution &&
         labels.attempt == ref.attempt && labels.claim == ref.claim;
}

}  // namespace

SimulatedRuntime::SimulatedRuntime(SimulatedEngine& engine, std::string instance,
                                   asio::any_io_executor executor)
    : engine_(engine),
      instance_(std::move(instance)),
      executor_(executor),
      sleep_(engine.clock(), executor) {}

SimulatedRuntime::~SimulatedRuntime() { unwatch(); }

// An effect holds nothing of this object: the request is in the engine's hands once it was sent.
template <class T>
asio::awaitable<Result<T>> SimulatedRuntime::request(Call call, std::function<Result<T>()> effect) {
  auto& engine = engine_;
  if (!engine.up_) co_return Error{ErrorClass::Retry, "the engine is away"};
  const Error cut{call.writes ? ErrorClass::Doubt : ErrorClass::Retry,
                  "no answer to " + std::string(call.verb)};
  const auto now = engine.clock_.now();
  const auto due =
      call.due
          ? *call.due
          : std::max(now + engine.latency(call.verb) + engine.held_up(call.verb, std::string(call.container)),
                     call.not_before.value_or(now));
  auto answer = std::make_shared<std::optional<Result<T>>>();
  engine.clock_.at(due, [&engine, life = engine.lives_, answer, effect = std::move(effect), cut] {
    *answer = engine.lives_ == life ? effect() : Result<T>(cut);
  });
  co_await sleep_.until(std::min(due, now + call.deadline));
  // Moved, since a Result<bool> made from a non-const lvalue Result<bool> asks its operator bool instead of
  // copying.
  if (*answer) co_return std::move(**answer);
  co_return cut;
}

asio::awaitable<Result<Observation>> SimulatedRuntime::observe(const AttemptRef& ref, const ContainerSpec*,
                                                               bool wait_for_start) {
  const auto name = container_name(ref);
  Call call{"observe", wait_for_start ? seconds(35) : seconds(5)};
  call.container = name;
  if (const auto* container = engine_.find(name)) call.not_before = container->start_answers_at;
  co_return co_await request<Observation>(call, [&engine = engine_, instance = instance_, ref, name] {
    return Result<Observation>(observation_of(engine, instance, ref, name));
  });
}

Observation SimulatedRuntime::observation_of(SimulatedEngine& engine, const std::string& instance,
                                             const AttemptRef& ref, const std::string& name) {
  Observation seen;
  seen.observed_at = engine.clock_.now();
  seen.engine = engine.identity();
  seen.engine_started_at = engine.up_since_;
  const auto directory = engine.directories_.find(name);
  const bool has_directory = directory != engine.directories_.end();
  seen.fenced = engine.mount_mode_ && has_directory && !directory->second.input_present;
  const auto* container = engine.find(name);
  seen.ours = container && is_ours(*container, ref, instance);
  seen.leftovers = has_directory && !seen.ours && (!container || directory->second.instance == instance);
  if (!container) return seen;
  seen.state = container->state;
  if (seen.ours) seen.container_id = container->id;
  seen.image_id = container->spec.image_id;
  seen.violated_limit = engine.violated_limit_;
  seen.effective_limits = "{}";
  seen.exit_code = container->exit_code;
  seen.oom_killed = container->oom_killed;
  seen.engine_error = container->error;
  seen.refused = container->refused;
  seen.may_have_run = container->state == ContainerState::Created && container->run > 0;
  seen.stopped_from_outside = container->stopped_from_outside;
  seen.started_at = container->started_at;
  if (container->state == ContainerState::Running)
    seen.running_for = engine.clock_.now() - container->started_at;
  seen.finished_at = std::max(container->finished_at, container->started_at);
  seen.fenced = seen.fenced && seen.started_at == TimePoint{};
  return seen;
}

asio::awaitable<Result<std::vector<Listed>>> SimulatedRuntime::list() {
  co_return co_await request<std::vector<Listed>>(
      {"list", seconds(5)}, [&engine = engine_, instance = instance_] {
        std::vector<Listed> all;
        for (const auto& [name, container] : engine.containers_) {
          if (container.instance != instance) continue;
          all.push_back({container.spec.ref, name, container.id, container.state});
        }
        for (const auto& [name, directory] : engine.directories_) {
          if (directory.instance != instance || engine.find(name)) continue;
          auto ref = directory.ref;
          ref.claim.clear();
          all.push_back({ref, name, "", ContainerState::Absent});
        }
        return Result<std::vector<Listed>>(std::move(all));
      });
}

asio::awaitable<Result<PullResult>> SimulatedRuntime::pull(const std::string& image, ImagePullPolicy policy) {
  co_return co_await request<PullResult>(
      policy == ImagePullPolicy::Never ? Call{"look", seconds(5)} : Call{"pull", seconds(60)},
      [&engine = engine_, image, policy] {
        const bool fetches = policy == ImagePullPolicy::Always || !engine.images_.contains(image);
        if (fetches && policy != ImagePullPolicy::Never && engine.registry_down_) {
          return Result<PullResult>(PullResult{std::nullopt, PullFailure::Failed, "registry away"});
        }
        auto found = engine.images_.find(image);
        if (found == engine.images_.end()) {
          return Result<PullResult>(
              PullResult{std::nullopt, PullFailure::NotFound, "no such image: " + image});
        }
        return Result<PullResult>(PullResult{found->second.info, PullFailure::Failed, ""});
      });
}

asio::awaitable<Result<std::string>> SimulatedRuntime::create(const ContainerSpec& spec) {
  const auto name = container_name(spec.ref);
  if (engine_.up_) prepare_directory(name, spec.ref);
  Call call{.verb = "create", .deadline = seconds(30), .writes = true, .container = name};
  co_return co_await request<std::string>(call, [&engine = engine_, instance = instance_, spec, name] {
    if (const auto* there = engine.find(name)) {
      if (is_ours(*there, spec.ref, instance)) return Result<std::string>(there->id);
      return Result<std::string>(Error{ErrorClass::Conflict, "the name is taken: " + name});
    }
    if (engine.full_) return Result<std::string>(Error{ErrorClass::StorageFull, "no space left on device"});
    const auto workload = engine.workloads_.find(spec.image_id);
    const auto directory = engine.directories_.find(name);
    const bool source = directory != engine.directories_.end() && directory->second.input_present;
    if (workload == engine.workloads_.end())
      return Result<std::string>(Error{ErrorClass::NotFound, "no such image"});
    if (engine.mount_mode_ && !source) {
      return Result<std::string>(Error{ErrorClass::Doubt, "bind source path does not exist"});
    }
    return Result<std::string>(engine.add(name, instance, spec, workload->second));
  });
}

// The adapter's own work on the host, done before the engine is asked.
void SimulatedRuntime::prepare_directory(const std::string& name, const AttemptRef& ref) {
  auto [directory, fresh] = engine_.directories_.try_emplace(name, AttemptDirectory{ref, instance_});
  if (!fresh && !engine_.find(name)) directory->second.input_present = true;
}

asio::awaitable<Result<void>> SimulatedRuntime::start(const AttemptRef& ref,
                                                      const std::string& container_id) {
  const auto name = container_name(ref);
  auto answer =
      co_await request<bool>({"start", seconds(30), true, {}, name, engine_.begin_start(name, container_id)},
                             [&engine = engine_, name, container_id]() -> Result<bool> {
                               return engine.do_start(name, container_id);
                             });
  if (answer.has_error()) co_return answer.error();
  if (auto directory = engine_.directories_.find(name); directory != engine_.directories_.end()) {
    directory->second.input_present = false;
  }
  co_return Result<void>{};
}

asio::awaitable<Result<bool>> SimulatedRuntime::fence(const AttemptRef& ref) {
  if (!engine_.mount_mode_) co_return false;
  auto directory = engine_.directories_.find(container_name(ref));
  if (directory != engine_.directories_.end()) directory->second.input_present = false;
  co_return true;
}

asio::awaitable<Result<void>> SimulatedRuntime::signal(const AttemptRef& ref, const std::string& container_id,
                                                       Signal signal) {
  const auto name = container_name(ref);
  Call call{.verb = "signal", .deadline = seconds(10), .writes = true, .container = name};
  auto answer =
      co_await request<bool>(call, [&engine = engine_, name, container_id, signal]() -> Result<bool> {
        auto* container = engine.find(name);
        if (!container || container->id != container_id) return true;
        engine.do_signal(*container, signal);
        return true;
      });
  if (answer.has_error()) co_return answer.error();
  co_return Result<void>{};
}

asio::awaitable<Result<std::string>> SimulatedRuntime::read_log(std::string name, std::string container_id,
                                                                std::size_t from) {
  co_return co_await request<std::string>(
      {"follow", seconds(5)}, [&engine = engine_, name, container_id, from]() -> Result<std::string> {
        const auto* container = engine.find(name);
        const auto directory = engine.directories_.find(name);
        if (!container || container->id != container_id || directory == engine.directories_.end())
          return Error{ErrorClass::NotFound, "no such container: " + name};
        const auto& logs = directory->second.logs;
        if (logs.size() > from) return logs.substr(from);
        if (!container->process_alive) return Error{ErrorClass::Retry, "the log has ended"};
        return std::string();
      });
}

/// Looks once a second, and dies with the process whose runtime it is of.
class SimulatedRuntime::Log final : public LogStream {
 public:
  Log(SimulatedRuntime& runtime, std::string name, std::string container_id)
      : runtime_(runtime), name_(std::move(name)), container_id_(std::move(container_id)) {}

  asio::awaitable<Result<std::vector<LogPiece>>> next() override {
    while (!*closed_) {
      const auto closed = closed_;
      auto text = co_await runtime_.read_log(name_, container_id_, place_);
      if (*closed) break;
      if (!text) co_return text.error();
      if (!text->empty()) {
        const auto place = static_cast<std::int64_t>(std::exchange(place_, place_ + text->size()));
        std::vector<LogPiece> pieces;
        const auto* container = runtime_.engine_.find(name_);
        const auto at = container ? container->started_at : TimePoint{};
        pieces.push_back({place, {LogChunk::Stream::Stdout, at, std::move(*text)}, at});
        co_return pieces;
      }
      co_await runtime_.sleep_.until(runtime_.engine_.clock().now() + seconds(1));
      if (*closed) break;
    }
    co_return Error{ErrorClass::Retry, "the log was closed"};
  }
  void close() override { *closed_ = true; }
  ~Log() override { *closed_ = true; }

 private:
  SimulatedRuntime& runtime_;
  const std::string name_, container_id_;
  std::size_t place_ = 0;
  std::shared_ptr<bool> closed_ = std::make_shared<bool>(false);
};

asio::awaitable<Result<std::shared_ptr<LogStream>>> SimulatedRuntime::follow(const AttemptRef& ref,
                                                                             const std::string& container_id,
                                                                             const Limits&) {
  const auto name = container_name(ref);
  const auto there = co_await read_log(name, container_id, 0);
  if (!there) co_return there.error();
  co_return std::make_shared<Log>(*this, name, container_id);
}

asio::awaitable<Result<Evidence>> SimulatedRuntime::collect(const AttemptRef& ref,
                                                            const std::string& container_id,
                                                            const Limits& limits, const LiveLog& stored) {
  const auto name = container_name(ref);
  Call call{.verb = "collect", .deadline = seconds(30), .container = name};
  co_return co_await request<Evidence>(
      call, [&engine = engine_, instance = instance_, ref, name, container_id, limits, stored] {
        auto* container = engine.find(name);
        const bool ours = container && is_ours(*container, ref, instance);
        if (ours && container->process_alive) engine.exit_process(*container, 137, false);
        Evidence evidence;
        evidence.logs_behind = stored.end;
        evidence.logs_from_start = ours && stored.end == 0;
        const auto found = engine.directories_.find(name);
        if (found == engine.directories_.end()) return Result<Evidence>(evidence);
        const auto& directory = found->second;
        evidence.result_state = directory.result_state;
        if (directory.result)
          evidence.result = directory.result->substr(0, static_cast<std::size_t>(limits.output));
        const bool too_large =
            directory.result && static_cast<std::int64_t>(directory.result->size()) > limits.output;
        if (too_large) evidence.result_state = Evidence::ResultState::TooLarge;
        const auto said = directory.logs.size() > static_cast<std::size_t>(stored.end)
                              ? directory.logs.substr(static_cast<std::size_t>(stored.end))
                              : "";
        if (ours && !said.empty()) {
          evidence.logs.push_back({LogChunk::Stream::Stdout, container->started_at, said});
        }
        return Result<Evidence>(std::move(evidence));
      });
}

asio::awaitable<Result<bool>> SimulatedRuntime::remove(const AttemptRef& ref, const std::string&) {
  const auto name = container_name(ref);
  Call call{.verb = "remove", .deadline = seconds(30), .writes = true, .container = name};
  co_return co_await request<bool>(call, [&engine = engine_, instance = instance_, ref, name] {
    auto* container = engine.find(name);
    if (container && is_ours(*container, ref, instance) && !engine.do_remove(*container))
      return Result<bool>(false);
    if (auto directory = engine.directories_.find(name); directory != engine.directories_.end()) {
      if (directory->second.instance == instance) engine.directories_.erase(directory);
    }
    return Result<bool>(true);
  });
}

void SimulatedRuntime::watch(std::function<void(const ExecutionId&)> on_change) {
  auto shared = std::make_shared<std::function<void(const ExecutionId&)>>(std::move(on_change));
  engine_.watchers_[this] = [shared, executor = executor_](const ExecutionId& id) {
    asio::post(executor, [weak = std::weak_ptr(shared), id] {
      if (auto callback = weak.lock()) (*callback)(id);
    });
  };
}

void SimulatedRuntime::unwatch() { engine_.watchers_.erase(this); }

asio::awaitable<Result<Capabilities>> SimulatedRuntime::probe() {
  co_return co_await request<Capabilities>({"probe", seconds(30)}, [&engine = engine_] {
    Capabilities can;
    can.engine_version = "simulated";
    can.api_version = "1.41";
    can.io_mode = engine.mount_mode_ ? "mount" : "volume";
    can.live_restore = engine.live_restore_;
    return Result<Capabilities>(std::move(can));
  });
}

asio::awaitable<Result<bool>> SimulatedRuntime::has_room() {
  co_return co_await request<bool>({"has_room", seconds(5)},
                                   [&engine = engine_] { return Result<bool>(!engine.full_); });
}

}  // namespace slipway::runtime

// What the engine does when a request takes effect.
#include "runtime/simulated/simulated_engine.h"

namespace slipway::runtime {
namespace {
constexpr int kKilled = 137;
constexpr int kCommandInvalid = 127;
constexpr int kStartFailed = 128;
}  // namespace

std::string SimulatedEngine::add(const std::string& name, const std::string& instance,
                                 const ContainerSpec& spec, const Workload& workload) {
  SimulatedContainer container;
  container.id = std::string(48, '0') + std::to_string(1'000'000'000'000'000 + next_id_++);
  container.name = name;
  container.instance = instance;
  container.spec = spec;
  container.workload = workload;
  auto id = container.id;
  containers_[name] = std::move(container);
  return id;
}

Duration SimulatedEngine::latency(std::string_view verb) const {
  return latency_ ? latency_(verb) : Duration(std::chrono::milliseconds(1));
}

TimePoint SimulatedEngine::begin_start(const std::string& name, const std::string& container_id) {
  const auto due = clock_.now() + latency("start") + held_up("start", name);
  auto* container = starts_unseen_ ? nullptr : find(name);
  if (up_ && container && container->id == container_id) container->start_answers_at = due;
  return due;
}

Result<bool> SimulatedEngine::do_start(const std::string& name, const std::string& container_id) {
  auto* container = find(name);
  if (!container || container->id != container_id)
    return Error{ErrorClass::NotFound, "no such container: " + name};
  container->start_answers_at.reset();
  if (container->state == ContainerState::Removing) return Error{ErrorClass::Conflict, "removal in progress"};
  if (container->process_alive) return true;
  const auto directory = directories_.find(name);
  const bool fenced = mount_mode_ && (directory == directories_.end() || !directory->second.input_present);
  if (fenced || !container->workload.start_error.empty()) {
    container->error = fenced ? "bind source path does not exist" : container->workload.start_error;
    container->exit_code = kCommandInvalid;
    container->refused = container->workload.start_refusal;
    const bool invalid = !fenced && container->refused == Reason::CommandInvalid;
    return Error{invalid ? ErrorClass::Invalid : ErrorClass::Doubt, container->error};
  }
  if (starts_failing_ > 0) {
    --starts_failing_;
    container->error = "transport is closing: unavailable";
    container->exit_code = kStartFailed;
    return Error{ErrorClass::Doubt, container->error};
  }
  start_process(*container, "slipway");
  return true;
}

void SimulatedEngine::do_signal(SimulatedContainer& container, Signal signal) {
  switch (signal) {
    case Signal::Term:
      if (container.state == ContainerState::Running) terminate(container);
      return;
    case Signal::Kill:
      if (container.process_alive) exit_process(container, kKilled, false);
      return;
    case Signal::Unpause:
      if (container.state != ContainerState::Paused) return;
      container.state = ContainerState::Running;
      ++container.run;
      plan_exit(container, container.left, container.workload.exit_code, container.workload.oom_killed);
      return;
  }
}

// false: in progress.
bool SimulatedEngine::do_remove(SimulatedContainer& container) {
  container.process_alive = false;
  if (removal_takes_ == Duration{}) {
    erase(container.name);
    return true;
  }
  if (container.state == ContainerState::Removing) return false;
  container.state = ContainerState::Removing;
  clock_.after(removal_takes_, [this, name = container.name, id = container.id] {
    auto* found = find(name);
    if (found && found->id == id) erase(name);
  });
  return false;
}

}  // namespace slipway::runtime

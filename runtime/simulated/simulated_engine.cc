#include "runtime/simulated/simulated_engine.h"

#include <cstdio>

namespace slipway::runtime {
namespace {

constexpr int kKilled = 137;

std::string id_of(std::uint64_t number) {
  char text[65];
  std::snprintf(text, sizeof text, "%064llx", static_cast<unsigned long long>(number));
  return text;
}

}  // namespace

void SimulatedEngine::add_image(const std::string& name, Workload workload, std::string not_allowed) {
  ImageInfo info{"sha256:" + name, "", std::move(not_allowed)};
  workloads_[info.id] = workload;
  images_[name] = {std::move(info), std::move(workload)};
}

SimulatedContainer* SimulatedEngine::find(const std::string& name) {
  auto found = containers_.find(name);
  return found == containers_.end() ? nullptr : &found->second;
}

// As the real one: an exited container is run AGAIN.
void SimulatedEngine::start_process(SimulatedContainer& container, const std::string& by) {
  starts_.push_back({container.name, container.spec.ref, clock_.now(), by});
  container.state = ContainerState::Running;
  container.process_alive = true;
  container.exit_code = 0;
  container.oom_killed = false;
  container.error.clear();
  container.refused.reset();
  container.stopped_from_outside = false;
  container.started_at = clock_.now();
  container.finished_at = {};
  ++container.run;
  if (auto found = directories_.find(container.name); found != directories_.end()) {
    const auto& workload = container.workload;
    found->second.result = workload.result;
    found->second.result_state = workload.result ? workload.result_state : Evidence::ResultState::Missing;
    found->second.logs += workload.stdout_text;
  }
  plan_exit(container, container.workload.runs_for, container.workload.exit_code,
            container.workload.oom_killed);
  announce(container);
}

void SimulatedEngine::plan_exit(SimulatedContainer& container, Duration in, int exit_code, bool oom_killed) {
  clock_.after(in,
               [this, id = container.id, name = container.name, run = container.run, exit_code, oom_killed] {
                 auto* found = find(name);
                 if (!found || found->id != id || found->run != run || !found->process_alive) return;
                 if (found->state == ContainerState::Paused) return;
                 exit_process(*found, exit_code, oom_killed);
               });
}

void SimulatedEngine::exit_process(SimulatedContainer& container, int exit_code, bool oom_killed) {
  container.process_alive = false;
  // A forgotten container's record does not move when the process behind it ends.
  if (container.state == ContainerState::Created) return;
  container.state = ContainerState::Exited;
  container.exit_code = exit_code;
  container.oom_killed = oom_killed;
  container.finished_at = clock_.now();
  announce(container);
}

void SimulatedEngine::terminate(SimulatedContainer& container) {
  if (!container.process_alive || container.workload.ignores_term) return;
  if (container.workload.term_takes == Duration{}) {
    exit_process(container, container.workload.term_exit_code, false);
  } else {
    plan_exit(container, container.workload.term_takes, container.workload.term_exit_code, false);
  }
}

void SimulatedEngine::erase(const std::string& name) { containers_.erase(name); }

void SimulatedEngine::restart(const EngineRestart& how) {
  if (!up_) return;
  up_ = false;
  ++lives_;
  for (auto& [name, container] : containers_) {
    container.start_answers_at.reset();
    if (!how.graceful || live_restore_ || !container.process_alive) continue;
    const bool yields = !container.workload.ignores_term;
    exit_process(container, yields ? container.workload.term_exit_code : kKilled, false);
  }
  clock_.after(how.down_for, [this, how] { come_back(how); });
  announce_break();
}

void SimulatedEngine::come_back(const EngineRestart& how) {
  up_ = true;
  up_since_ = clock_.now();
  for (auto& [name, container] : containers_) {
    // Without live-restore the engine kills at its start what it finds alive.
    if (container.process_alive && !live_restore_) exit_process(container, kKilled, false);
    if (!how.forgets.contains(name) || container.state == ContainerState::Removing) continue;
    container.state = ContainerState::Created;
    container.started_at = container.finished_at = {};
    container.exit_code = 0;
    container.oom_killed = false;
  }
  announce_break();
}

void SimulatedEngine::add_foreign(const std::string& name) {
  SimulatedContainer container;
  container.id = id_of(next_id_++);
  container.name = name;
  container.state = ContainerState::Running;
  containers_[name] = std::move(container);
}

void SimulatedEngine::person_removes(const std::string& name) {
  auto* container = find(name);
  if (!container) return;
  container->process_alive = false;
  auto gone = *container;
  erase(name);
  announce(gone);
}

void SimulatedEngine::person_stops(const std::string& name) {
  auto* container = find(name);
  if (!container || !container->process_alive) return;
  container->stopped_from_outside = true;
  exit_process(*container, container->workload.ignores_term ? kKilled : container->workload.term_exit_code,
               false);
}

void SimulatedEngine::person_starts(const std::string& name) {
  auto* container = find(name);
  if (!container || container->process_alive) return;
  auto directory = directories_.find(name);
  if (mount_mode_ && directory != directories_.end() && !directory->second.input_present) return;
  start_process(*container, "person");
}

void SimulatedEngine::person_pauses(const std::string& name) {
  auto* container = find(name);
  if (!container || container->state != ContainerState::Running) return;
  container->state = ContainerState::Paused;
  const auto ran = clock_.now() - container->started_at;
  container->left = container->workload.runs_for > ran ? container->workload.runs_for - ran : Duration{};
  announce(*container);
}

void SimulatedEngine::announce(const SimulatedContainer& container) {
  if (container.instance.empty()) return;
  for (const auto& [runtime, deliver] : watchers_) deliver(container.spec.ref.execution);
}

void SimulatedEngine::announce_break() {
  for (const auto& [runtime, deliver] : watchers_) deliver({});
}

}  // namespace slipway::runtime

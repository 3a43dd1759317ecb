#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/execution.h"
#include "runtime/container_runtime.h"
#include "runtime/simulated/virtual_clock.h"

namespace slipway::runtime {

/// What the process in a container does once it runs.
struct Workload {
  Duration runs_for = std::chrono::seconds(1);  ///< until it ends by itself
  int exit_code = 0;
  bool oom_killed = false;
  std::optional<std::string> result;  ///< written to result.json as it starts
  Evidence::ResultState result_state = Evidence::ResultState::Present;  ///< of `result`
  std::string stdout_text;
  bool ignores_term = false;
  int term_exit_code = 143;
  Duration term_takes{};    ///< from TERM to the exit
  std::string start_error;  ///< the engine cannot execute it: State.Error with code 127
  std::optional<Reason> start_refusal =
      Reason::CommandInvalid;  ///< what that blames; none: words nobody knows
};

struct SimulatedImage {
  ImageInfo info;
  Workload workload;
};

/// One real start of a process, in the order of events: the ledger that promise 4 is checked from.
struct StartRecord {
  std::string name;
  AttemptRef ref;
  TimePoint at;
  std::string by;  ///< "slipway" or "person"
};

struct SimulatedContainer {
  std::string id;
  std::string name;
  std::string instance;  ///< label slipway.instance; empty: foreign
  ContainerSpec spec;    ///< its ref is on the labels
  Workload workload;
  ContainerState state = ContainerState::Created;
  int exit_code = 0;
  bool oom_killed = false;
  std::string error;
  std::optional<Reason> refused;
  bool stopped_from_outside = false;
  TimePoint started_at;
  TimePoint finished_at;
  bool process_alive =
      false;              ///< may be true although the record says otherwise, after a crash of the engine
  std::uint64_t run = 0;  ///< counts starts; a timer of an earlier run is stale
  std::optional<TimePoint> start_answers_at;  ///< a start in flight
  Duration left{};                            ///< of the run while paused
};

/// The host's files for one container name; only there in mount mode, where the fence exists.
struct AttemptDirectory {
  AttemptRef ref;
  std::string instance;
  bool input_present = true;
  std::optional<std::string> result;
  Evidence::ResultState result_state = Evidence::ResultState::Missing;
  std::string logs;
};

struct EngineRestart {
  bool graceful = true;  ///< SIGTERM: containers are stopped first; else SIGKILL
  Duration down_for = std::chrono::seconds(2);
  /// Containers that the engine, once back, calls `created` with a zero StartedAt (seen after SIGKILL), by
  /// name.
  std::set<std::string> forgets;
};

/// A container engine with its host: the world that survives the death of any `slipwayd`. Requests reach it
/// through SimulatedRuntime and take effect when their latency has passed, whether or not somebody still
/// waits for the answer.
class SimulatedEngine {
 public:
  explicit SimulatedEngine(VirtualClock& clock) : clock_(clock) {}

  // How it behaves.
  void add_image(const std::string& name, Workload workload, std::string not_allowed = "");
  void set_registry_down(bool down) { registry_down_ = down; }
  /// Containers run on through the engine's restarts.
  void set_live_restore(bool on) { live_restore_ = on; }
  void set_volume_mode() { mount_mode_ = false; }
  /// Time from a request to its effect and answer, by verb; default 1 ms.
  void set_latency(std::function<Duration(std::string_view verb)> latency) { latency_ = std::move(latency); }
  /// How much longer than others a request about this container takes; default: nothing.
  void set_held_up(std::function<Duration(std::string_view verb, const std::string& name)> held_up) {
    held_up_ = std::move(held_up);
  }
  /// A start waits where no inspect sees it (the socket's backlog), so that "created" is answered while it is
  /// on its way.
  void set_starts_unseen() { starts_unseen_ = true; }
  /// What observe says is violated for every later container; empty: nothing.
  void set_violated_limit(std::string limit) { violated_limit_ = std::move(limit); }
  /// This many starts from now on fail as those of an engine that has lost its containerd.
  void set_starts_failing(int count) { starts_failing_ = count; }
  /// No container can be made any more.
  void set_full(bool full) { full_ = full; }
  /// Removals stay "in progress" for so long.
  void set_removal_takes(Duration duration) { removal_takes_ = duration; }

  // What befalls it.
  void restart(const EngineRestart& how);
  /// A container of somebody else's under this name.
  void add_foreign(const std::string& name);
  void person_removes(const std::string& name);
  void person_stops(const std::string& name);
  void person_starts(const std::string& name);
  void person_pauses(const std::string& name);

  // What tests read.
  const std::vector<StartRecord>& starts() const { return starts_; }
  const std::map<std::string, SimulatedContainer>& containers() const { return containers_; }
  const std::map<std::string, AttemptDirectory>& directories() const { return directories_; }
  bool up() const { return up_; }
  EngineIdentity identity() const {
    return std::to_string(4711 + lives_) + "@" + std::to_string(100 * lives_);
  }
  VirtualClock& clock() { return clock_; }

 private:
  friend class SimulatedRuntime;

  std::string add(const std::string& name, const std::string& instance, const ContainerSpec& spec,
                  const Workload& workload);
  Duration latency(std::string_view verb) const;
  Duration held_up(std::string_view verb, const std::string& name) const {
    return held_up_ ? held_up_(verb, name) : Duration{0};
  }
  /// Marks a start as in flight and tells when it takes effect.
  TimePoint begin_start(const std::string& name, const std::string& container_id);
  Result<bool> do_start(const std::string& name, const std::string& container_id);
  void do_signal(SimulatedContainer& container, Signal signal);
  bool do_remove(SimulatedContainer& container);
  SimulatedContainer* find(const std::string& name);
  void start_process(SimulatedContainer& container, const std::string& by);
  void plan_exit(SimulatedContainer& container, Duration in, int exit_code, bool oom_killed);
  void exit_process(SimulatedContainer& container, int exit_code, bool oom_killed);
  void terminate(SimulatedContainer& container);
  void erase(const std::string& name);
  void come_back(const EngineRestart& how);
  void announce(const SimulatedContainer& container);
  void announce_break();

  VirtualClock& clock_;
  std::map<std::string, SimulatedImage> images_;
  std::map<std::string, Workload> workloads_;  ///< by image id
  std::map<std::string, SimulatedContainer> containers_;
  std::map<std::string, AttemptDirectory> directories_;
  std::vector<StartRecord> starts_;
  std::function<Duration(std::string_view)> latency_;
  std::function<Duration(std::string_view, const std::string&)> held_up_;
  std::string violated_limit_;
  Duration removal_takes_{};
  bool mount_mode_ = true;
  bool registry_down_ = false;
  bool live_restore_ = false;
  bool starts_unseen_ = false;
  bool full_ = false;
  int starts_failing_ = 0;
  bool up_ = true;
  int lives_ = 1;
  TimePoint up_since_ = clock_.now();
  std::uint64_t next_id_ = 1;
  std::map<const void*, std::function<void(const ExecutionId&)>> watchers_;
};

}  // namespace slipway::runtime

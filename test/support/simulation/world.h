#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/simulated/simulated_engine.h"
#include "store/memory/memory_database.h"
#include "test/support/simulation/node_process.h"

namespace slipway::simulation {

/// Something that happens once, as soon as its condition holds.
struct Incident {
  std::function<bool()> when;
  std::function<void()> what;
};

/// A database, an engine and one node whose daemon may die at any moment and is started again a second later;
/// and, where a test adds them, more nodes, each with an engine of its own. One seed, one history.
class World {
 public:
  explicit World(std::uint64_t seed = 1);
  ~World();

  runtime::VirtualClock& clock() { return clock_; }
  store::MemoryDatabase& db() { return db_; }
  runtime::SimulatedEngine& engine() { return engine_; }
  FaultLine& line() { return line_; }
  std::mt19937_64& dice() { return dice_; }

  /// Another node beside the first, as unlucky as it is. Before boot().
  runtime::SimulatedEngine& add_node(const std::string& name);
  std::vector<runtime::SimulatedEngine*> engines();

  void add_incident(Incident incident) { incidents_.push_back(std::move(incident)); }
  /// Starts the daemon; after that it lives again one second after each death.
  void boot();
  /// A second daemon of the same name beside the first, which is stopped (SIGSTOP) for so long and then goes
  /// on.
  void boot_rival(Duration stopped_for = {});
  /// From now on nothing goes wrong any more: whoever could have a turn has to get it.
  void watch_turns() { turns_watched_from_ = clock_.monotonic(); }
  /// How long a killed daemon stays away.
  void set_restarts_after(Duration pause) { restarts_after_ = pause; }
  /// Turns the hands until `done` or until `limit` of virtual time is over (false).
  bool run_until(const std::function<bool()>& done, Duration limit);
  /// Every row has reached its end and nothing is left of it anywhere.
  bool converged() const;
  int deaths() const { return deaths_; }
  bool alive() const { return node_ != nullptr; }
  /// The daemon's node, while it lives.
  const node::Node& node() const { return node_->node(); }
  node::Node& node() { return node_->node(); }

  /// What the promises of docs/lifecycle say about rows, ledgers and the engine once everything has
  /// converged; one line per breach.
  std::vector<std::string> breaches() const;
  /// "COMPLETED Completed None exit=0 output=… attempts=1 refunded=0 starts=1", comparable between two runs.
  std::string end_state(const ExecutionId& id) const;

 private:
  /// A node beside the first.
  struct Neighbour {
    explicit Neighbour(runtime::VirtualClock& clock) : engine(clock) {}
    node::Settings settings;
    runtime::SimulatedEngine engine;
    FaultLine line;
    std::unique_ptr<NodeProcess> node;
    bool dying = false;
  };

  struct Final {
    Status status;
    Reason reason;
    std::optional<std::string> output;
  };

  void step();
  void bury();
  void bury(Neighbour& neighbour);
  void boot(Neighbour& neighbour);
  std::vector<const runtime::SimulatedEngine*> engines() const;
  bool is_left(const runtime::SimulatedEngine& engine) const;
  void check_turns();
  void check_finals();
  void check_starts();

  std::mt19937_64 dice_;
  runtime::VirtualClock clock_;
  store::MemoryDatabase db_{clock_};
  runtime::SimulatedEngine engine_{clock_};
  FaultLine line_;
  std::unique_ptr<NodeProcess> node_;
  std::deque<Neighbour> neighbours_;  ///< who is pointed to stays where they are
  std::vector<std::unique_ptr<NodeProcess>> rivals_;
  TimePoint rivals_go_on_at_;
  std::vector<Incident> incidents_;
  Duration restarts_after_ = std::chrono::seconds(1);
  std::map<ExecutionId, Final> finals_;  ///< as each was told first
  std::vector<std::string> seen_breaches_;
  std::set<std::pair<ExecutionId, int>> intents_;
  std::map<const runtime::SimulatedEngine*, std::size_t> checked_starts_;
  std::optional<Duration> turns_watched_from_;
  std::optional<Duration> waits_since_;
  Duration turns_checked_at_{0};
  bool dying_ = false;
  bool booted_ = false;
  int deaths_ = 0;
};

}  // namespace slipway::simulation

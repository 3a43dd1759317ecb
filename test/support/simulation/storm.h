#pragma once

#include <set>
#include <string>
#include <vector>

#include "test/support/simulation/world.h"

namespace slipway::simulation {

/// Two minutes of everything that may go wrong, drawn from the world's dice, on one to three nodes: calls and
/// answers lost, rows refused as data, daemons killed, engines slow, full, away, restarted, forgetful or
/// silent about one container, the database and the registry away, rows locked, uses spent, floods of hints,
/// persons at the containers, submitters changing their minds. Then everything heals, and whoever could have
/// a turn has to get it.
class Storm {
 public:
  explicit Storm(World& world);

  /// Submits its executions and lets everything happen; on return the storm is over and everything is healed.
  void rage();
  const std::vector<ExecutionId>& submitted() const { return submitted_; }
  /// Names of containers of somebody else's, which must outlive the storm.
  const std::vector<std::string>& foreign() const { return foreign_; }

 private:
  void prepare();
  void prepare(runtime::SimulatedEngine& engine);
  void schedule_submissions();
  void schedule_mishaps();
  void mishap();
  void submit();
  void heal();
  Fate draw_fate(const CallPoint& point);
  Duration draw_latency();
  void restart_engine();
  void person_acts();
  void submitter_acts();
  void hang_containers();
  void lock_a_row();
  void flood();
  runtime::SimulatedEngine& any_engine();
  bool chance(double probability);
  std::int64_t between(std::int64_t low, std::int64_t high);
  template <class Map>
  const typename Map::value_type* any_of(const Map& map);

  World& world_;
  std::vector<ExecutionId> submitted_;
  std::vector<std::string> foreign_;
  double loss_ = 0.02;
  double death_ = 0.002;
  double refusal_ = 0;
  std::set<std::string> hung_;  ///< names of containers of which nothing is heard
  bool over_ = false;
};

}  // namespace slipway::simulation

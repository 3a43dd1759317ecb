#include "test/support/simulation/storm.h"

#include <algorithm>
#include <iterator>

namespace slipway::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto kLasts = 120s;
constexpr int kAgents = 6;

std::string agent_name(std::int64_t number) { return "agent-" + std::to_string(number); }

runtime::Workload workload(std::int64_t number) {
  switch (number) {
    case 0:
      return {.runs_for = 200ms, .result = R"({"n":0})"};
    case 1:
      return {.runs_for = 9s, .result = R"({"n":1})", .stdout_text = "working\n"};
    case 2:
      return {.runs_for = 3s, .exit_code = 3};
    case 3:
      return {.runs_for = 1h, .result = R"({"n":3})", .ignores_term = true};
    case 4:
      return {.runs_for = 1h, .term_takes = 1s};
    default:
      return {.runs_for = 2s, .exit_code = 137, .oom_killed = true};
  }
}

}  // namespace

Storm::Storm(World& world) : world_(world) { prepare(); }

bool Storm::chance(double probability) {
  return std::uniform_real_distribution<double>(0, 1)(world_.dice()) < probability;
}

std::int64_t Storm::between(std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(world_.dice());
}

template <class Map>
const typename Map::value_type* Storm::any_of(const Map& map) {
  if (map.empty()) return nullptr;
  return &*std::next(map.begin(), between(0, static_cast<std::int64_t>(map.size()) - 1));
}

void Storm::prepare() {
  auto& db = world_.db();
  for (auto more = chance(0.6) ? 0 : between(1, 2); more > 0; --more)
    world_.add_node("node-" + std::string(1, static_cast<char>('a' + more)));
  for (int i = 0; i < kAgents; ++i) {
    AgentSpec spec;
    spec.image = agent_name(i);
    spec.timeout = 10s;
    spec.max_timeout = 40s;
    spec.retry_limit = static_cast<int>(between(0, 2));
    db.put_agent(agent_name(i), spec);
    db.grant("u-1", agent_name(i), 50);
    db.grant("u-2", agent_name(i), 1);
    if (chance(0.5)) db.grant("u-3", agent_name(i), between(1, 2));
  }
  db.set_quota("u-2", {.per_minute = {}, .max_running = 2, .max_queued = 3});
  for (auto* engine : world_.engines()) prepare(*engine);
  world_.set_restarts_after(
      std::chrono::milliseconds(chance(0.7) ? between(100, 3000) : between(3000, 40'000)));
  loss_ = chance(0.5) ? 0.02 : 0.1;
  death_ = chance(0.5) ? 0.002 : 0.01;
  refusal_ = chance(0.3) ? 0.01 : 0;
  world_.line().decide = [this](const CallPoint& point) { return draw_fate(point); };
  world_.line().store_latency = [this] { return std::chrono::milliseconds(between(1, over_ ? 2 : 20)); };
}

void Storm::prepare(runtime::SimulatedEngine& engine) {
  for (int i = 0; i < kAgents; ++i) engine.add_image(agent_name(i), workload(i));
  if (chance(0.3)) engine.set_volume_mode();
  if (chance(0.3)) engine.set_live_restore(true);
  if (chance(0.5)) engine.set_starts_unseen();
  if (chance(0.5)) engine.set_removal_takes(std::chrono::milliseconds(between(1, 3000)));
  engine.set_latency([this](std::string_view) { return draw_latency(); });
  engine.set_held_up([this](std::string_view, const std::string& name) -> Duration {
    return hung_.contains(name) ? Duration(std::chrono::seconds(between(20, 300))) : Duration{0};
  });
  foreign_ = {"somebody-elses", "slipway-00000000-0000-7000-8000-000000000003-1"};
  for (const auto& name : foreign_) engine.add_foreign(name);
}

runtime::SimulatedEngine& Storm::any_engine() {
  const auto all = world_.engines();
  return *all.at(static_cast<std::size_t>(between(0, static_cast<std::int64_t>(all.size()) - 1)));
}

Fate Storm::draw_fate(const CallPoint& point) {
  if (over_) return Fate::Pass;
  // Of rows only: a node's name is no row's data, and what is read of all at once is halved elsewhere.
  if (point.rows.size() == 1 && chance(refusal_)) return Fate::Refused;
  if (chance(loss_)) return chance(0.5) ? Fate::CallLost : Fate::AnswerLost;
  if (!chance(death_)) return Fate::Pass;
  constexpr Fate kDeaths[] = {Fate::DiesBefore, Fate::DiesDuring, Fate::DiesAfter};
  return kDeaths[between(0, 2)];
}

Duration Storm::draw_latency() {
  if (over_) return 1ms;
  if (chance(0.02)) return std::chrono::seconds(between(1, 45));
  return std::chrono::milliseconds(between(1, 50));
}

void Storm::rage() {
  schedule_submissions();
  schedule_mishaps();
  world_.boot();
  world_.run_until([] { return false; }, kLasts);
  heal();
}

void Storm::schedule_submissions() {
  for (auto left = between(4, 14); left > 0; --left) {
    world_.clock().after(std::chrono::milliseconds(between(0, 60'000)), [this] { submit(); });
  }
}

void Storm::submit() {
  store::Submission submission;
  submission.user_id = chance(0.6) ? "u-1" : chance(0.6) ? "u-2" : "u-3";
  submission.agent = agent_name(between(0, kAgents - 1));
  submission.priority = chance(0.2) ? -1 : 0;
  if (chance(0.2)) submission.not_before = world_.clock().now() + std::chrono::seconds(between(1, 30));
  if (chance(0.1)) submission.start_deadline = world_.clock().now() + std::chrono::seconds(between(1, 30));
  if (chance(0.2)) submission.timeout_seconds = static_cast<int>(between(1, 40));
  submitted_.push_back(world_.db().insert(submission));
}

void Storm::schedule_mishaps() {
  for (auto left = between(0, 10); left > 0; --left) {
    world_.clock().after(std::chrono::milliseconds(between(0, 110'000)), [this] { mishap(); });
  }
}

void Storm::mishap() {
  if (over_) return;
  const auto for_a_while = std::chrono::milliseconds(between(100, 30'000));
  switch (between(0, 11)) {
    case 0:
    case 1:
      restart_engine();
      return;
    case 2:
      person_acts();
      return;
    case 3:
    case 4:
      submitter_acts();
      return;
    case 5:
      world_.db().set_down(true);
      world_.clock().after(for_a_while, [this] { world_.db().set_down(false); });
      return;
    case 6: {
      auto& engine = any_engine();
      engine.set_registry_down(true);
      world_.clock().after(for_a_while, [&engine] { engine.set_registry_down(false); });
      return;
    }
    case 7:
      world_.db().set_draining("node-a", true);
      world_.clock().after(for_a_while, [this] { world_.db().set_draining("node-a", false); });
      return;
    case 8:
      hang_containers();
      return;
    case 9:
      lock_a_row();
      return;
    case 10:
      flood();
      return;
    default: {
      auto& engine = any_engine();
      engine.set_full(true);
      world_.clock().after(for_a_while, [&engine] { engine.set_full(false); });
      return;
    }
  }
}

/// Nothing is heard of some containers, those among them that are not there yet.
void Storm::hang_containers() {
  for (const auto& id : submitted_)
    if (chance(0.2)) hung_.insert("slipway-" + id + "-" + std::to_string(between(1, 2)));
  world_.clock().after(std::chrono::seconds(between(1, 100)), [this] { hung_.clear(); });
}

void Storm::lock_a_row() {
  const auto* row = any_of(world_.db().rows());
  if (!row) return;
  world_.db().set_locked(row->first, true);
  world_.clock().after(std::chrono::milliseconds(between(100, 60'000)),
                       [this, id = row->first] { world_.db().set_locked(id, false); });
}

void Storm::flood() {
  for (int i = 0; i < 50; ++i) {
    const auto* row = any_of(world_.db().rows());
    const auto id = row && chance(0.5) ? row->first : "trash-" + std::to_string(i);
    world_.db().notify({chance(0.5) ? store::Hint::Kind::Work : store::Hint::Kind::Changed, id});
  }
}

void Storm::restart_engine() {
  auto& engine = any_engine();
  runtime::EngineRestart how;
  how.graceful = chance(0.5);
  how.down_for = std::chrono::milliseconds(chance(0.8) ? between(100, 20'000) : between(20'000, 110'000));
  for (const auto& [name, container] : engine.containers()) {
    if (!how.graceful && !container.instance.empty() && chance(0.5)) how.forgets.insert(name);
  }
  engine.restart(how);
}

void Storm::person_acts() {
  auto& engine = any_engine();
  const auto* victim = any_of(engine.containers());
  if (!victim || victim->second.instance.empty()) return;
  const auto name = victim->first;
  switch (between(0, 3)) {
    case 0:
      engine.person_removes(name);
      return;
    case 1:
      engine.person_stops(name);
      return;
    case 2:
      engine.person_starts(name);
      return;
    default:
      engine.person_pauses(name);
      return;
  }
}

void Storm::submitter_acts() {
  const auto* row = any_of(world_.db().rows());
  if (!row) return;
  const auto id = row->first;
  if (chance(0.6)) {
    world_.db().cancel(id);
  } else {
    world_.db().change_timeout(id, std::chrono::seconds(between(1, 60)));
  }
}

void Storm::heal() {
  over_ = true;
  hung_.clear();
  world_.db().set_down(false);
  world_.db().set_draining("node-a", false);
  for (const auto& id : submitted_) world_.db().set_locked(id, false);
  for (auto* engine : world_.engines()) {
    engine->set_registry_down(false);
    engine->set_full(false);
  }
  world_.watch_turns();
}

}  // namespace slipway::simulation

#include "test/support/simulation/world.h"

#include <algorithm>
#include <map>

namespace slipway::simulation {
namespace {

bool is_over(Stage stage) { return stage == Stage::Finished || stage == Stage::Cleaned; }

/// A claim that could not be started in time is a loan given back: no retry of the policy.
bool was_given_back(const store::AttemptRow& attempt) {
  return attempt.end && !attempt.end->started && attempt.end->detail.ends_with("given back to the queue");
}

}  // namespace

World::World(std::uint64_t seed) : dice_(seed) {
  line_.decide = [](const CallPoint&) { return Fate::Pass; };
  line_.die = [this] { dying_ = true; };
  line_.store_latency = [] { return std::chrono::milliseconds(1); };
}

World::~World() = default;

void World::boot() {
  booted_ = true;
  node_ = std::make_unique<NodeProcess>(default_node(), db_, engine_, line_, dice_());
  for (auto& neighbour : neighbours_)
    if (!neighbour.node) boot(neighbour);
}

void World::boot(Neighbour& neighbour) {
  neighbour.node =
      std::make_unique<NodeProcess>(neighbour.settings, db_, neighbour.engine, neighbour.line, dice_());
}

runtime::SimulatedEngine& World::add_node(const std::string& name) {
  auto& neighbour = neighbours_.emplace_back(clock_);
  neighbour.settings = default_node();
  neighbour.settings.name = name;
  neighbour.settings.instance_id = "instance of " + name;
  neighbour.line.decide = [this](const CallPoint& point) { return line_.decide(point); };
  neighbour.line.store_latency = [this] { return line_.store_latency(); };
  neighbour.line.die = [&neighbour] { neighbour.dying = true; };
  return neighbour.engine;
}

std::vector<runtime::SimulatedEngine*> World::engines() {
  std::vector<runtime::SimulatedEngine*> all{&engine_};
  for (auto& neighbour : neighbours_) all.push_back(&neighbour.engine);
  return all;
}

std::vector<const runtime::SimulatedEngine*> World::engines() const {
  std::vector<const runtime::SimulatedEngine*> all{&engine_};
  for (const auto& neighbour : neighbours_) all.push_back(&neighbour.engine);
  return all;
}

// The one that stood first becomes the rival: it is the one to be fenced off.
void World::boot_rival(Duration stopped_for) {
  rivals_go_on_at_ = clock_.now() + stopped_for;
  rivals_.push_back(std::move(node_));
  boot();
}

void World::bury() {
  dying_ = false;
  if (!node_) return;
  node_.reset();
  ++deaths_;
  clock_.after(restarts_after_, [this] { boot(); });
}

void World::bury(Neighbour& neighbour) {
  neighbour.dying = false;
  neighbour.node.reset();
  ++deaths_;
  clock_.after(restarts_after_, [this, &neighbour] { boot(neighbour); });
}

void World::step() {
  if (dying_) bury();
  for (auto& neighbour : neighbours_)
    if (neighbour.dying) bury(neighbour);
  for (auto& incident : incidents_) {
    if (!incident.what || !incident.when()) continue;
    auto what = std::exchange(incident.what, nullptr);
    what();
  }
  if (node_ && node_->step()) return;
  for (auto& neighbour : neighbours_)
    if (neighbour.node && neighbour.node->step()) return;
  for (const auto& rival : rivals_) {
    if (clock_.now() >= rivals_go_on_at_ && rival->step()) return;
  }
  if (auto due = clock_.next_due()) clock_.advance_to(*due);
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  const auto end = clock_.now() + limit;
  while (!done()) {
    if (clock_.now() >= end) return false;
    step();
    check_finals();
    check_starts();
    if (turns_watched_from_) check_turns();
  }
  return true;
}

// Promise 1, watched while it runs.
void World::check_finals() {
  const auto text = [](const Final& final) {
    return std::string(to_string(final.status)) + " " + std::string(to_string(final.reason)) + " " +
           final.output.value_or("-");
  };
  for (const auto& [id, row] : db_.rows()) {
    if (!is_final(row.exec.status)) continue;
    const auto found = finals_.find(id);
    if (found == finals_.end()) {
      finals_[id] = {row.exec.status, row.exec.reason, row.output};
      continue;
    }
    const auto& first = found->second;
    if (first.status == row.exec.status && first.reason == row.exec.reason && first.output == row.output)
      continue;
    seen_breaches_.push_back(id + ": " + text(first) + " became " +
                             text({row.exec.status, row.exec.reason, row.output}));
  }
}

// Promises 4 and 8, watched while it runs: an intent comes before its start, and one attempt ends before the
// next begins.
void World::check_starts() {
  for (const auto& [id, row] : db_.rows()) {
    if (row.exec.stage == Stage::Launching) intents_.emplace(id, row.exec.ref.attempt);
  }
  for (const auto* engine : engines()) {
    for (auto& checked = checked_starts_[engine]; checked < engine->starts().size(); ++checked) {
      const auto& start = engine->starts()[checked];
      if (start.by != "slipway") continue;
      if (!intents_.contains({start.ref.execution, start.ref.attempt}))
        seen_breaches_.push_back("promise 8: no intent before the start of " + start.name);
      for (const auto* other : engines()) {
        for (const auto& [name, container] : other->containers()) {
          const bool same = container.spec.ref.execution == start.ref.execution && container.process_alive;
          if (same && name != start.name)
            seen_breaches_.push_back("promise 4: " + start.name + " was started while " + name + " ran");
        }
      }
    }
  }
}

// The law of turns: a usable row that fits a free place is claimed within two passes of whoever has the
// place.
void World::check_turns() {
  constexpr auto kTwoPasses = std::chrono::seconds(25);  // of a node that sleeps
  const auto now = clock_.monotonic();
  if (now - turns_checked_at_ < std::chrono::seconds(1)) return;
  turns_checked_at_ = now;
  const auto has_place = [](const NodeProcess* process) {
    if (!process || process->ended()) return false;
    const auto& node = process->node();
    return node.lease().held() && !node.lease().cordoned() && node.health().ready() &&
           node.slots().free() > 0;
  };
  bool place = has_place(node_.get());
  for (const auto& neighbour : neighbours_) place = place || has_place(neighbour.node.get());
  if (!place || !db_.has_candidate()) {
    waits_since_.reset();
    return;
  }
  if (!waits_since_) waits_since_ = now;
  if (now - *waits_since_ < kTwoPasses) return;
  seen_breaches_.push_back("law of turns: a row that could be claimed is not");
  waits_since_.reset();
}

bool World::is_left(const runtime::SimulatedEngine& engine) const {
  return !engine.directories().empty() || std::ranges::any_of(engine.containers(), [](const auto& entry) {
    return !entry.second.instance.empty();
  });
}

bool World::converged() const {
  if (!node_ || dying_) return false;
  for (const auto& neighbour : neighbours_)
    if (!neighbour.node || neighbour.dying) return false;
  for (const auto& [id, row] : db_.rows()) {
    const bool refused = row.exec.stage == Stage::Finished && row.exec.owner.empty();
    if (row.exec.stage != Stage::Cleaned && !refused) return false;
  }
  for (const auto* engine : engines())
    if (!engine->up() || is_left(*engine)) return false;
  return std::ranges::all_of(incidents_, [](const auto& incident) { return !incident.what; });
}

std::string World::end_state(const ExecutionId& id) const {
  const auto* row = db_.row(id);
  if (!row) return "no row";
  const auto* spend = db_.spend(id);
  std::ptrdiff_t starts = 0;
  for (const auto* engine : engines())
    starts +=
        std::ranges::count_if(engine->starts(), [&](const auto& start) { return start.ref.execution == id; });
  return std::string(to_string(row->exec.status)) + " " + std::string(to_string(row->exec.reason)) + " " +
         std::string(to_string(row->fault)) +
         " exit=" + (row->exit_code ? std::to_string(*row->exit_code) : std::string("-")) +
         " output=" + row->output.value_or("-") + " attempts=" + std::to_string(row->exec.ref.attempt) +
         " spend=" + (spend ? (spend->refunded ? "refunded" : "spent") : "none") +
         " starts=" + std::to_string(starts);
}

std::vector<std::string> World::breaches() const {
  auto found = seen_breaches_;
  std::map<std::pair<ExecutionId, int>, int> starts;
  std::set<std::pair<ExecutionId, int>> ran;
  for (const auto* engine : engines()) {
    for (const auto& start : engine->starts()) {
      ran.emplace(start.ref.execution, start.ref.attempt);
      if (start.by == "slipway" && ++starts[{start.ref.execution, start.ref.attempt}] == 2)
        found.push_back("promise 4: two starts of " + start.name);
    }
  }
  std::map<std::string, std::int64_t> finals;
  for (const auto& [id, row] : db_.rows()) {
    const auto* spend = db_.spend(id);
    if (!is_over(row.exec.stage))
      found.push_back(id + " is not final: " + std::string(to_string(row.exec.stage)));
    ++finals[row.exec.agent];
    if (spend && !spend->settled) found.push_back("promise 2: unsettled spend of " + id);
    if (row.fault == Fault::Platform && spend && !spend->refunded)
      found.push_back("promise 2: no refund of " + id);
    if (row.exec.status == Status::Completed &&
        (!row.output || row.exit_code != 0 || !ran.contains({id, row.exec.ref.attempt}))) {
      found.push_back("promise 9: COMPLETED without start, exit 0 and result: " + id);
    }
    const auto attempts = db_.attempts(id);
    const auto given_back = std::ranges::count_if(attempts, was_given_back);
    const auto wanted = row.exec.cancel_requested ? 0 : row.exec.ref.attempt - 1 - given_back;
    if (wanted > row.exec.retry_limit) found.push_back("promise 4: an attempt beyond the policy: " + id);
    const auto granted = db_.granted_uses(row.exec.user_id, row.exec.agent);
    const auto left = db_.remaining_uses(row.exec.user_id, row.exec.agent);
    if (left < 0 || left != granted - db_.standing_spends(row.exec.user_id, row.exec.agent)) {
      found.push_back("promise 2: the uses of " + row.exec.user_id + " do not balance");
    }
    if (db_.running(row.exec.user_id) != 0) found.push_back("running leaks for " + row.exec.user_id);
  }
  for (const auto& [agent, count] : finals) {
    if (db_.counted(agent) != count) found.push_back("promise 3: " + agent + " is counted wrongly");
  }
  for (const auto* engine : engines()) {
    for (const auto& [name, container] : engine->containers())
      if (!container.instance.empty()) found.push_back("promise 6: orphan " + name);
    for (const auto& [name, directory] : engine->directories())
      found.push_back("promise 6: directory " + name);
  }
  if (node_ && !node_->ended() && node_->slots_used() != 0) found.push_back("slots leak");
  for (const auto& neighbour : neighbours_)
    if (neighbour.node && neighbour.node->slots_used() != 0)
      found.push_back("slots of " + neighbour.settings.name + " leak");
  return found;
}

}  // namespace slipway::simulation

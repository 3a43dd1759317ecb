#include "node/node.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "logging/log.h"

namespace slipway::node {
namespace {

using reconcilers::Claimer;
using reconcilers::NodeReconciler;
using reconcilers::OrphanReconciler;

constexpr int kWorkers = 128;
constexpr int kImageLooks = 4;
constexpr int kPulls = 16;  // of one registry at most four
// As long as nothing but errors comes out of a loop, a wait between two tries takes up to ten seconds.
constexpr auto kStopped = std::chrono::seconds(30);
constexpr auto kPassLimit = std::chrono::seconds(90);      // no one call may take longer than 35 s
constexpr auto kLongPassLimit = std::chrono::minutes(15);  // a pull, a sweep of old rows

constexpr std::size_t kMessage = 1000;  // of troubles there may be hundreds, and the first ones tell

std::string seconds_of(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

/// Without these nothing new is accepted, started, heard of or told.
bool is_vital(const std::string& loop) {
  return loop == "claim" || loop == "execution" || loop == "orphan" || loop == "node";
}

}  // namespace

Node::Node(Settings settings, Parts parts, Hooks hooks)
    : settings_(std::move(settings)),
      parts_(std::move(parts)),
      hooks_(std::move(hooks)),
      lease_(parts_.clock),
      health_(parts_.clock, lease_, hooks_.engine_answers),
      slots_(settings_.slots, [this] { look_for_work(); }),
      gate_(settings_.starts, [this](const ExecutionId& id) { look_at(id); }),
      images_(parts_.clock),
      deadlines_(parts_.runtime, parts_.io, parts_.clock, parts_.timers,
                 [this](const ExecutionId& id) { look_at(id); }),
      logs_(parts_.store, parts_.runtime, parts_.io, parts_.clock, parts_.timers, parts_.random()),
      executions_({.node = settings_.name,
                   .store = parts_.store,
                   .runtime = parts_.runtime,
                   .clock = parts_.clock,
                   .lease = lease_,
                   .health = health_,
                   .start_patience = settings_.start_patience,
                   .engine_patience = settings_.engine_patience,
                   .slots = slots_,
                   .gate = gate_,
                   .images = images_,
                   .deadlines = deadlines_,
                   .logs = logs_,
                   .contracts = parts_.contracts,
                   .capabilities = capabilities_,
                   .pool = parts_.pool,
                   .random = parts_.random(),
                   .probe = parts_.executions,
                   .want_image = [this](const std::string& key) { image_loop_->enqueue(key); },
                   .on_engine = [this](const EngineIdentity& engine) { on_engine(engine); }}),
      claims_({.store = parts_.store,
               .clock = parts_.clock,
               .health = health_,
               .slots = slots_,
               .contracts = parts_.contracts,
               .pool = parts_.pool,
               .policy = settings_.policy},
              {.on_claimed =
                   [this](const ExecutionId& id, int attempt) {
                     executions_.expect_nothing_of(id, attempt);
                     look_at(id);
                   },
               .on_found = [this](const ExecutionId& id) { look_at(id); },
               .has_room = [this] { return parts_.runtime.has_room(); }}),
      image_answers_(parts_.runtime, parts_.clock, images_, health_,
                     {.on_answer = [this](const ExecutionId& id) { look_at(id); },
                      .on_pull = [this](bool, Duration took) { hooks_.on_pull(took); },
                      .on_not_there = [this](const std::string& key) { pull_loop_->enqueue(key); }}),
      pulls_(image_answers_),
      orphans_(parts_.store, parts_.runtime, parts_.clock, settings_.name, settings_.resync,
               {.on_execution = [this](const ExecutionId& id) { look_at(id); },
                .on_orphans = [this](int count) { hooks_.on_orphans(count); }}),
      node_(parts_.store, parts_.clock, lease_, settings_.lease,
            {.report = [this] { return report(); },
             .on_time = [this](TimePoint now, Duration took) { hooks_.on_time(now, took); },
             .on_wishes_changed = [this] { resync(); },
             .on_taken_over = [this] { hooks_.on_taken_over(); },
             .on_lease_lost = [this] { hooks_.on_lease_lost(); }}),
      retention_(parts_.store, parts_.clock),
      statistics_(parts_.store, parts_.clock,
                  {.on_totals = [this](const store::Totals& totals, Duration until) {
                    hooks_.on_totals(totals, until);
                  }}) {}

// --- opening -----------------------------------------------------------------------------------------------

asio::awaitable<Result<void>> Node::probe() {
  auto probed = co_await parts_.runtime.probe();
  if (!probed) co_return probed.error();
  capabilities_ = std::move(*probed);
  co_return Result<void>{};
}

asio::awaitable<Result<void>> Node::register_node() {
  const auto asked = parts_.clock.monotonic();
  const auto state = co_await parts_.store.register_node(report());
  if (!state) co_return state.error();
  hooks_.on_time(state->database_now, parts_.clock.monotonic() - asked);
  lease_.renew(asked + settings_.lease);
  lease_.set_wishes(state->cordoned, state->draining);
  co_return Result<void>{};
}

asio::awaitable<Result<void>> Node::adopt() {
  auto rows = co_await parts_.store.list_unconverged();
  if (!rows) co_return rows.error();
  adopted_ = std::move(*rows);
  for (const auto& id : adopted_) slots_.hold(id);
  co_return Result<void>{};
}

void Node::start() {
  execution_loop_ = &add_loop("execution", executions_, kWorkers);
  claim_loop_ = &add_loop("claim", claims_, 1);
  image_loop_ = &add_loop("image", image_answers_, kImageLooks);
  pull_loop_ = &add_loop("pull", pulls_, kPulls);
  orphan_loop_ = &add_loop("orphan", orphans_, 1);
  add_loop("node", node_, 1).enqueue(NodeReconciler::kKey);
  add_loop("retention", retention_, 1).enqueue(reconcilers::RetentionReconciler::kKey);
  add_loop("statistics", statistics_, 1).enqueue(reconcilers::StatisticsReconciler::kKey);
  parts_.runtime.watch([this](const ExecutionId& id) {
    if (id.empty())
      orphan_loop_->enqueue(OrphanReconciler::kKey);
    else
      look_at(id);
  });
  parts_.store.watch([this](const store::Hint& hint) { on_store_hint(hint); });
  for (const auto& id : adopted_) look_at(id);
  adopted_.clear();
  resync();
}

controller::Controller& Node::add_loop(const std::string& name, controller::Reconciler& reconciler,
                                       int workers) {
  controller::ControllerOptions options;
  options.name = name;
  options.workers = workers;
  options.pass_limit = is_vital(name) ? Duration(kPassLimit) : Duration(kLongPassLimit);
  options.on_room_again = [this] { resync(); };
  loops_.push_back(std::make_unique<controller::Controller>(
      options, reconciler, parts_.io, parts_.clock, parts_.timers, parts_.random(), hooks_.probe_of(name)));
  return *loops_.back();
}

// --- what is heard -----------------------------------------------------------------------------------------

void Node::look_for_work() {
  if (claim_loop_) claim_loop_->enqueue(Claimer::kKey);
}

void Node::resync() {
  orphan_loop_->enqueue(OrphanReconciler::kKey);
  look_for_work();
}

void Node::on_store_hint(const store::Hint& hint) {
  switch (hint.kind) {
    case store::Hint::Kind::Work:
      return look_for_work();
    case store::Hint::Kind::Changed:
      // Whoever may connect may send these: an id that holds no slot here costs one look into a table.
      if (slots_.holds(hint.id)) look_at(hint.id);
      return look_for_work();  // a waiting row that was cancelled is the claimer's affair
    case store::Hint::Kind::Resync:
      return resync();
  }
}

/// A new engine process may have other settings, and lost its waits and events.
void Node::on_engine(const EngineIdentity& engine) {
  const bool first = engine_.empty();
  engine_ = engine;
  if (first || probing_) return;
  logging::warn("the container engine was restarted", {{"engine", engine}});
  probing_ = true;
  asio::co_spawn(parts_.io, reprobe(), [this](const std::exception_ptr&) { probing_ = false; });
}

asio::awaitable<void> Node::reprobe() {
  (void)co_await probe();  // what was known before holds until it answers
  orphan_loop_->enqueue(OrphanReconciler::kKey);
}

// --- ending, and what is told ------------------------------------------------------------------------------

void Node::stop() {
  logs_.stop();
  for (const auto& loop : loops_) loop->stop();
}

bool Node::idle() const {
  return std::all_of(loops_.begin(), loops_.end(), [](const auto& loop) { return loop->idle(); });
}

std::vector<Trouble> Node::troubles() const {
  std::vector<Trouble> found;
  for (const auto& loop : loops_) {
    const auto& name = loop->name();
    if (const auto failing = loop->failing(); failing && failing->since >= kStopped)
      found.push_back(
          {name, "no pass has succeeded for " + seconds_of(failing->since) + " (" + failing->reason + ")",
           is_vital(name)});
    for (const auto& hung : loop->hung())
      found.push_back({name,
                       (hung.step.empty() ? "a pass" : hung.step) + " of " + hung.key + " has lasted " +
                           seconds_of(hung.since),
                       is_vital(name) && name != "execution"});  // of executions, others go on
  }
  if (slots_.lost() > 0)
    found.push_back({"slots",
                     std::to_string(slots_.lost()) + " of " + std::to_string(slots_.capacity()) +
                         " lost to containers that the engine does not answer about",
                     slots_.lost() >= slots_.capacity()});
  for (const auto& image : images_.quarantined())
    found.push_back(
        {"images", "refused here, since two starts from it were never answered: " + image, false});
  return found;
}

bool Node::ready() const {
  const auto found = troubles();
  return health_.ready() &&
         std::none_of(found.begin(), found.end(), [](const Trouble& trouble) { return trouble.stops; });
}

store::NodeReport Node::report() {
  heartbeat_tried_at_ = parts_.clock.monotonic();
  store::NodeReport report;
  report.name = settings_.name;
  report.instance_id = settings_.instance_id;
  report.slots = settings_.slots;
  report.version = settings_.version;
  report.not_enforceable = capabilities_.not_enforceable;
  report.message = health_.complaint();
  report.ready = report.message.empty();
  for (const auto& trouble : troubles()) {
    report.ready = report.ready && !trouble.stops;
    if (report.message.size() > kMessage) break;
    report.message += (report.message.empty() ? "" : "; ") + trouble.loop + ": " + trouble.what;
  }
  return report;
}

}  // namespace slipway::node

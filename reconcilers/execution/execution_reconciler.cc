#include "reconcilers/execution/execution_reconciler.h"

#include <algorithm>
#include <utility>

#include "logging/log.h"
#include "reconcilers/execution/advance.h"

// One pass (one_pass() below):
//   1. load the row; not there or not this node's: nothing to do
//   2. look at the container the row names
//   3. plan (pure)
//   4. record; a record that no longer fits ends the pass before any effect
//   5. one effect, after which the pass goes on at 2 or 3, or is over
//
// What this process has just done itself it does not ask for again: after a claim, a create, a start and a
// removal it goes on with what these have answered, and with the row as it has written it. Whatever others do
// meanwhile makes the key dirty, and the writes are conditional.
namespace slipway::reconcilers {
namespace {

using controller::Again;
using controller::Converged;
using controller::WakeAt;
using runtime::ContainerState;

constexpr auto kGatePause =
    std::chrono::seconds(5);  // the gate calls when it is our turn; this covers a lost call

bool is_claimed_or_later(const Execution& row) {
  switch (row.stage) {
    case Stage::New:
    case Stage::Deferred:
    case Stage::Queued:
      return false;
    case Stage::Claimed:
    case Stage::Launching:
    case Stage::Running:
    case Stage::Stopping:
    case Stage::Recycling:
    case Stage::Finished:
    case Stage::Cleaned:
      return true;
  }
  return false;
}

/// In the words of docs/operations/runbooks.
const char* name_of(const Action& action) {
  struct Names {
    const char* operator()(const Nothing&) const { return "rest"; }
    const char* operator()(const WaitForImage&) const { return "wait for the image"; }
    const char* operator()(const Create&) const { return "create"; }
    const char* operator()(const Start&) const { return "start"; }
    const char* operator()(const ResolveDoubt&) const { return "resolve a doubt"; }
    const char* operator()(const Signal&) const { return "signal"; }
    const char* operator()(const Collect&) const { return "collect"; }
    const char* operator()(const Remove&) const { return "remove"; }
  };
  return std::visit(Names{}, action);
}

/// Whether the container may run on, for all that is known.
bool may_run(const Pass& pass) {
  const auto state = pass.seen.state;
  return !pass.looked ||
         (pass.seen.ours && (state == ContainerState::Running || state == ContainerState::Paused));
}

bool is_going(const Pass& pass) {
  return pass.seen.state == ContainerState::Removing || pass.seen.state == ContainerState::Dead;
}

}  // namespace

ExecutionReconciler::ExecutionReconciler(ExecutionParts parts)
    : parts_(std::move(parts)),
      held_({.slots = parts_.slots,
             .gate = parts_.gate,
             .images = parts_.images,
             .deadlines = parts_.deadlines,
             .logs = parts_.logs,
             .clock = parts_.clock}),
      recorder_(parts_.store, parts_.clock, held_, parts_.probe, parts_.random),
      effects_({.store = parts_.store,
                .runtime = parts_.runtime,
                .clock = parts_.clock,
                .lease = parts_.lease,
                .health = parts_.health,
                .images = parts_.images,
                .deadlines = parts_.deadlines,
                .contracts = parts_.contracts,
                .pool = parts_.pool,
                .want_image = parts_.want_image,
                .view_of = [this](const Execution& row) { return view_of(row); }},
               held_) {}

asio::awaitable<Result<controller::Outcome>> ExecutionReconciler::reconcile(const controller::Key& id) {
  struct Told {
    std::map<ExecutionId, const char*>& steps;
    const ExecutionId id;
    ~Told() { steps.erase(id); }
  } told{steps_, id};
  co_return co_await one_pass(id);
}

std::string ExecutionReconciler::step_of(const controller::Key& id) const {
  const auto found = steps_.find(id);
  return found == steps_.end() ? "" : found->second;
}

ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::one_pass(const ExecutionId& id) {
  steps_[id] = "load";
  auto begun = co_await begin(id);
  if (!begun && begun.error().error_class == ErrorClass::Invalid)
    co_return Outcome{controller::GivenUp{begun.error().message}};
  if (!begun) co_return begun.error();
  if (!*begun) co_return Outcome{Converged{}};
  Pass& pass = **begun;
  Next next = pass.looked ? Next{PlanAgain{}} : Next{LookAgain{}};
  for (;;) {
    if (std::holds_alternative<LookAgain>(next)) next = co_await look(pass);
    if (auto* unmoved = std::get_if<Unmoved>(&next))
      co_return co_await bear(pass, std::move(unmoved->outcome));
    if (const auto* outcome = std::get_if<Outcome>(&next)) co_return leave(pass, *outcome);
    auto plan = plan_of(std::move(next), pass);
    if (!lets_in(pass, plan.action)) co_return leave(pass, WakeAt{parts_.clock.now() + kGatePause});
    const auto recorded = co_await record(pass, plan.record);
    if (!recorded) co_return recorded.error();
    if (!*recorded) co_return leave(pass, Again{});
    at(pass, name_of(plan.action));
    if (!std::holds_alternative<Nothing>(plan.action)) {
      auto done = co_await effects_.apply(pass, plan.action, plan.next);
      if (!done) co_return done.error();
      next = std::move(*done);
    } else if (std::holds_alternative<Again>(plan.next) && goes_on(plan.record)) {
      next = PlanAgain{};
    } else {
      next = plan.next;
    }
  }
}

/// Nothing: no affair of this node's.
ExecutionReconciler::Awaitable<std::optional<Pass>> ExecutionReconciler::begin(const ExecutionId& id) {
  auto row = co_await parts_.store.load(id);
  if (!row && row.error().error_class != ErrorClass::NotFound) co_return row.error();
  if (!row || row->owner != parts_.node || !is_claimed_or_later(*row)) {
    held_.found_gone(id);
    co_return std::nullopt;
  }
  Pass pass{.row = std::move(*row)};
  // A claim whose answer was lost holds none yet.
  if (holds_slot(pass.row.stage)) parts_.slots.hold(id);
  if (pass.row.stage == Stage::Claimed) pass.spec = container_spec(pass.row);
  pass.looked = held_.is_unmade(pass.row);
  co_return std::optional<Pass>(std::move(pass));
}

asio::awaitable<Next> ExecutionReconciler::look(Pass& pass) {
  at(pass, "look at the container");
  const bool compares = pass.row.stage == Stage::Claimed;
  auto seen = co_await parts_.runtime.observe(pass.row.ref, compares ? &pass.spec : nullptr, false);
  if (pass.row.stage != Stage::Claimed)
    pass.inside.reset();  // not before: of one that has ended already, the engine is still busy with its end
  pass.looked = seen.has_value();
  if (!seen) co_return Unmoved{seen.error()};
  pass.seen = std::move(*seen);
  pass.seen_at = parts_.clock.now();
  if (engine_ != pass.seen.engine) {
    engine_ = pass.seen.engine;
    parts_.on_engine(engine_);
  }
  keep_watch(pass);
  if (!holds_slot(pass.row.stage)) held_.let_go(pass.row.ref.execution);
  co_return PlanAgain{};
}

Plan ExecutionReconciler::plan_of(Next next, const Pass& pass) {
  if (auto* planned = std::get_if<Plan>(&next)) return std::move(*planned);
  return plan(pass.row, pass.seen, view_of(pass.row), parts_.clock.now());
}

/// Creates and starts pass through the gate, a start with the pass of its create.
bool ExecutionReconciler::lets_in(Pass& pass, const Action& action) {
  const auto& id = pass.row.ref.execution;
  const bool gated = std::holds_alternative<Create>(action) || std::holds_alternative<Start>(action);
  if (!gated) {
    pass.inside.reset();
    parts_.gate.withdraw(id);  // it may have been called, and others stand behind it
    return true;
  }
  if (pass.inside) return true;
  if (!parts_.gate.enter(id)) return false;
  pass.inside = std::make_unique<GatePass>(parts_.gate);
  return true;
}

/// false: the pass is over.
ExecutionReconciler::Awaitable<bool> ExecutionReconciler::record(Pass& pass, const Record& record) {
  at(pass, "record");
  const auto ends = end_reason(record);
  const auto slot = ends && may_run(pass) ? Held::Slot::Lost : Held::Slot::Free;
  const auto stage = pass.row.stage;
  const auto written = co_await recorder_.write(pass.row, record, slot);
  if (!written || !*written) co_return written;
  if (ends == Reason::NodeStorageFull) parts_.health.storage_refused();
  if (slot == Held::Slot::Lost && stage == Stage::Launching && pass.row.intent_at)
    parts_.images.lost_start(pass.row.image_id, *pass.row.intent_at);
  pass.row = advance(std::move(pass.row), record);
  if (stage == Stage::Launching && pass.row.stage == Stage::Running)
    parts_.images.started(pass.row.image_id, parts_.clock.now());
  // The verdict is recorded: TERM is sent once, and here.
  if (const auto* step = std::get_if<store::Transition>(&record); step && step->kill_at) keep_watch(pass);
  co_return true;
}

/// Nothing came of a look or an effect. That has a bound, at which the execution ends for its user; what is
/// left of it then costs the node a slot, and says so.
ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::bear(Pass& pass,
                                                                              Result<Outcome> outcome) {
  const auto& id = pass.row.ref.execution;
  held_.silences().look(pass.row, parts_.health.engine_answers());
  const auto view = view_of(pass.row);
  if (!holds_slot(pass.row.stage) && view.silent >= view.engine_patience) held_.let_go(id, Held::Slot::Lost);
  const auto* seen = pass.looked ? &pass.seen : nullptr;
  const auto end = end_of_patience(pass.row, seen, view, seen ? pass.seen_at : parts_.clock.now());
  if (std::holds_alternative<NoRecord>(end)) co_return outcome;
  const auto recorded = co_await record(pass, end);
  if (!recorded) co_return recorded.error();
  co_return Outcome{Again{}};
}

/// A pass that came to its end has shown life, but for that of a container which is only ever going.
controller::Outcome ExecutionReconciler::leave(const Pass& pass, Outcome outcome) {
  // Told here, and not where it is written: the answer to that may be lost.
  if (pass.row.stage == Stage::Cleaned) held_.found_gone(pass.row.ref.execution);
  if (is_going(pass))
    held_.silences().look(pass.row, true);
  else
    held_.silences().forget(pass.row.ref.execution);
  return outcome;
}

NodeView ExecutionReconciler::view_of(const Execution& row) {
  NodeView view;
  view.name = parts_.node;
  view.lease_held = parts_.lease.held();
  view.draining = parts_.lease.draining();
  view.live_restore = parts_.capabilities.live_restore;
  view.term_sent = held_.was_term_sent(row);
  view.start_patience = parts_.start_patience;
  view.engine_patience = parts_.engine_patience;
  view.silent = held_.silences().lasted(row);
  if (row.stage != Stage::Claimed || !row.spec_whole) return view;
  const auto key = image_key(row);
  view.image = parts_.images.view(key, row.ref.execution);
  // What the engine was never asked for may go elsewhere even while it is away.
  view.stays = held_.stays().look(row, held_.is_unmade(row) || parts_.health.engine_answers());
  if (!parts_.images.is_fetching(key)) return view;
  held_.stays().begin_anew(row.ref.execution);
  view.stays = Duration{0};
  return view;
}

/// From the first sight of it running, and not from the record of it: the database may be away by then.
void ExecutionReconciler::keep_watch(const Pass& pass) {
  const auto stage = pass.row.stage;
  const bool runs = pass.seen.state == ContainerState::Running && pass.seen.ours;
  const bool led = stage == Stage::Launching || stage == Stage::Running || stage == Stage::Stopping;
  if (runs && led) {
    const auto age =
        std::max(pass.seen.running_for.value_or(pass.seen.observed_at - pass.seen.started_at), Duration{0});
    const auto started = pass.row.started_at.value_or(parts_.clock.now() - age);
    parts_.deadlines.track(pass.row.ref, pass.seen.container_id, started + timeout_of(pass.row),
                           pass.row.kill_at);
    parts_.logs.track(pass.row.ref, pass.seen.container_id, pass.row.spec->limits, age);
  } else {
    parts_.deadlines.release(pass.row.ref.execution);
    parts_.logs.release(pass.row.ref.execution);
  }
}

}  // namespace slipway::reconcilers

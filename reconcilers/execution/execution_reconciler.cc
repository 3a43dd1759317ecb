#include "reconcilers/execution/execution_reconciler.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "logging/log.h"
#include "reconcilers/execution/advance.h"
#include "reconcilers/execution/simpler.h"
#include "reconcilers/execution/transition_log.h"

// One pass:
//   1. load the row; not there or not this node's: nothing to do
//   2. observe the container the row names
//   3. plan (pure)
//   4. record; a record that no longer fits ends the pass before any effect
//   5. apply at most one effect
//   6. say when to look again
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

constexpr auto kRemovalPause = std::chrono::milliseconds(200);
constexpr auto kGatePause =
    std::chrono::seconds(5);  // the gate calls when it is our turn; this covers a lost call

runtime::ContainerSpec container_spec(const Execution& row) {
  runtime::ContainerSpec spec;
  spec.ref = row.ref;
  spec.user_id = row.user_id;
  spec.image_id = row.image_id;
  spec.agent_revision = row.agent_revision;
  spec.command = row.spec->command;
  spec.args = row.spec->args;
  spec.env = row.spec->env;
  spec.limits = row.spec->limits;
  spec.user = row.spec->run_as_user;
  spec.group = row.spec->run_as_group;
  spec.runtime_class = row.spec->runtime_class;
  spec.traceparent = row.traceparent;
  return spec;
}

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

store::Step told_step(const Execution& row, Stage to, Reason reason) {
  return {.id = row.ref.execution,
          .attempt = row.ref.attempt,
          .from = row.stage,
          .to = to,
          .reason = reason,
          .agent = row.agent,
          .traceparent = row.traceparent};
}

}  // namespace

/// A pass through the gate; left when the effect is over, however it ended.
class GatePass {
 public:
  explicit GatePass(StartGate& gate) : gate_(&gate) {}
  GatePass(const GatePass&) = delete;
  GatePass& operator=(const GatePass&) = delete;
  ~GatePass() { gate_->leave(); }

 private:
  StartGate* gate_;
};

bool ExecutionReconciler::is_unmade(const Execution& row) const {
  const auto found = unmade_.find(row.ref.execution);
  const bool may_be = row.stage == Stage::Claimed || row.stage == Stage::Recycling;
  return may_be && found != unmade_.end() && found->second == row.ref.attempt;
}

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
  auto row = co_await parts_.store.load(id);
  if (!row && row.error().error_class == ErrorClass::Invalid)
    co_return Outcome{controller::GivenUp{row.error().message}};
  if (!row && row.error().error_class != ErrorClass::NotFound) co_return row.error();
  if (!row || row->owner != parts_.node || !is_claimed_or_later(*row)) {
    let_go(id);
    unmade_.erase(id);
    co_return Outcome{Converged{}};
  }
  // A claim whose answer was lost holds none yet.
  if (holds_slot(row->stage)) parts_.slots.hold(id);
  Pass pass{std::move(*row), {}, {}, {}};
  if (pass.row.stage == Stage::Claimed) pass.spec = container_spec(pass.row);
  if (!is_unmade(pass.row)) {
    if (const auto looked = co_await look(pass); !looked)
      co_return co_await not_answered(pass, looked.error());
  }
  if (pass.row.stage == Stage::Launching) stays_.begin_anew(id);
  if (!holds_slot(pass.row.stage)) let_go(id);
  co_return co_await go_on(std::move(pass));
}

/// The engine says nothing of the container. That its start was sent and never answered is bounded: the row
/// ends, its slot is lost until the container is proven gone.
ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::not_answered(const Pass& pass,
                                                                                      const Error& error) {
  const auto& id = pass.row.ref.execution;
  if (pass.row.stage != Stage::Launching) co_return error;
  if (stays_.look(pass.row, parts_.health.engine_answers()) < kStartDoubt) co_return error;
  Record record = end_unseen(pass.row);
  const auto written = co_await write(pass, record);
  if (!written) co_return written.error();
  if (*written) parts_.slots.lose(id);
  co_return Outcome{Again{}};
}

/// Observes the container the row names.
ExecutionReconciler::Awaitable<bool> ExecutionReconciler::look(Pass& pass) {
  const bool at_claimed = pass.row.stage == Stage::Claimed;
  steps_[pass.row.ref.execution] = "look at the container";
  auto seen = co_await parts_.runtime.observe(pass.row.ref, at_claimed ? &pass.spec : nullptr, false);
  if (!seen) co_return seen.error();
  pass.seen = std::move(*seen);
  pass.seen_at = parts_.clock.now();
  if (engine_ != pass.seen.engine) {
    engine_ = pass.seen.engine;
    parts_.on_engine(engine_);
  }
  keep_watch(pass);
  co_return true;
}

ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::go_on(Pass pass) {
  auto next = plan(pass.row, pass.seen, view_of(pass.row), parts_.clock.now());
  co_return co_await carry_out(std::move(pass), std::move(next));
}

ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::carry_out(Pass pass, Plan plan) {
  const bool gated =
      std::holds_alternative<Create>(plan.action) || std::holds_alternative<Start>(plan.action);
  if (!gated) {
    pass.inside.reset();
    parts_.gate.withdraw(pass.row.ref.execution);  // it may have been called, and others stand behind it
  }
  if (gated && !pass.inside) {
    if (!parts_.gate.enter(pass.row.ref.execution))
      co_return Outcome{WakeAt{parts_.clock.now() + kGatePause}};
    pass.inside = std::make_shared<GatePass>(parts_.gate);
  }
  steps_[pass.row.ref.execution] = "record";
  const auto wanted = plan.record.index();
  const auto written = co_await write(pass, plan.record);
  if (!written) co_return written.error();
  // An end where a step could not be written: what was to follow the step does not.
  if (!*written || plan.record.index() != wanted) co_return Outcome{Again{}};
  if (const auto* transition = std::get_if<store::Transition>(&plan.record)) {
    pass.row = advance(std::move(pass.row), *transition);
    if (transition->kill_at) keep_watch(pass);  // the verdict is recorded: TERM is sent once, and here
    const bool more =
        std::holds_alternative<Nothing>(plan.action) && std::holds_alternative<Again>(plan.next);
    if (more) co_return co_await go_on(std::move(pass));
  }
  steps_[pass.row.ref.execution] = name_of(plan.action);
  co_return co_await apply(std::move(pass), plan.action, plan.next);
}

// --- record
// -----------------------------------------------------------------------------------------------------------

/// What is refused as data is written in the next simpler form; `record` is then what was written.
ExecutionReconciler::Awaitable<bool> ExecutionReconciler::write(const Pass& pass, Record& record) {
  for (;;) {
    const auto written = co_await write_once(pass, record);
    if (written || written.error().error_class != ErrorClass::Invalid) co_return written;
    logging::warn("a record was refused as data",
                  {{"execution", pass.row.ref.execution}, {"error", written.error().message}});
    auto next = simpler(record, pass.row.ref);
    if (!next) co_return written;
    record = std::move(*next);
  }
}

ExecutionReconciler::Awaitable<bool> ExecutionReconciler::write_once(const Pass& pass, const Record& record) {
  if (const auto* transition = std::get_if<store::Transition>(&record))
    co_return co_await write_transition(pass, *transition);
  if (const auto* finish = std::get_if<store::Finish>(&record))
    co_return co_await write_finish(pass, *finish);
  if (const auto* recycle = std::get_if<store::Recycle>(&record))
    co_return co_await write_recycle(pass, *recycle);
  if (std::holds_alternative<Requeue>(record)) co_return co_await write_requeue(pass);
  co_return true;
}

ExecutionReconciler::Awaitable<bool> ExecutionReconciler::write_transition(
    const Pass& pass, const store::Transition& transition) {
  const auto written = co_await parts_.store.record(transition);
  if (!written || !*written) co_return written;
  const auto& id = pass.row.ref.execution;
  if (transition.to != transition.from) {
    // What is cleaned up keeps the reason it ended with.
    const auto reason = transition.to == Stage::Cleaned ? pass.row.reason : transition.reason;
    log_transition(told_step(pass.row, transition.to, reason));
  }
  if (transition.to == Stage::Running && transition.from == Stage::Launching) {
    parts_.probe.on_started(pass.row, transition.started_at.value_or(parts_.clock.now()));
    parts_.images.release(id);
  }
  if (transition.to == Stage::Cleaned) {
    let_go(id);
    parts_.slots.found_gone(id);
  }
  co_return true;
}

ExecutionReconciler::Awaitable<bool> ExecutionReconciler::write_finish(const Pass& pass,
                                                                       const store::Finish& finish) {
  const auto written = co_await parts_.store.finish(finish);
  if (!written || !*written) co_return written;
  log_transition(told_step(pass.row, Stage::Finished, finish.reason), finish.attempt.detail);
  unmade_.erase(finish.id);
  parts_.probe.on_finished(pass.row, finish, parts_.clock.now());
  let_go(finish.id);
  term_sent_.erase(finish.claim);
  co_return true;
}

ExecutionReconciler::Awaitable<bool> ExecutionReconciler::write_recycle(const Pass& pass,
                                                                        const store::Recycle& recycle) {
  const auto written = co_await parts_.store.recycle(recycle);
  if (!written || !*written) co_return written;
  log_transition(told_step(pass.row, Stage::Recycling, recycle.attempt.reason), recycle.attempt.detail);
  parts_.probe.on_recycled(pass.row, recycle.attempt.reason);
  let_go(recycle.id);
  term_sent_.erase(recycle.claim);
  co_return true;
}

ExecutionReconciler::Awaitable<bool> ExecutionReconciler::write_requeue(const Pass& pass) {
  // 1 s, 2 s, 4 s … up to a minute, each drawn from its upper half.
  constexpr int kDoublings = 6;
  const auto full = std::min<Duration>(
      std::chrono::seconds(1LL << std::min(pass.row.ref.attempt - 1, kDoublings)), std::chrono::minutes(1));
  const auto backoff =
      full / 2 +
      Duration{static_cast<Duration::rep>(static_cast<double>(full.count() / 2) * parts_.random())};
  const auto written = co_await parts_.store.requeue(pass.row.ref.execution, pass.row.ref.claim, backoff);
  if (!written || !*written) co_return written;
  unmade_.erase(pass.row.ref.execution);
  log_transition(told_step(pass.row, Stage::Queued, Reason::Retrying));
  co_return true;
}

// --- apply
// ------------------------------------------------------------------------------------------------------------

ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::apply(Pass pass,
                                                                               const Action& action,
                                                                               Outcome next) {
  if (std::holds_alternative<WaitForImage>(action)) {
    const auto key = image_key(pass.row);
    parts_.images.wait(key, pass.row.ref.execution);
    parts_.want_image(key);
    co_return next;
  }
  if (std::holds_alternative<Create>(action)) co_return co_await apply_create(std::move(pass));
  if (std::holds_alternative<Start>(action)) co_return co_await apply_start(std::move(pass));
  if (std::holds_alternative<ResolveDoubt>(action)) co_return co_await apply_doubt(pass);
  if (const auto* signal = std::get_if<Signal>(&action))
    co_return co_await apply_signal(pass, signal->signal, next);
  if (std::holds_alternative<Collect>(action)) co_return co_await apply_collect(pass);
  if (std::holds_alternative<Remove>(action)) co_return co_await apply_remove(pass);
  co_return next;
}

ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::apply_create(Pass pass) {
  unmade_.erase(pass.row.ref.execution);
  auto& spec = pass.spec;
  if (spec.image_id.empty()) spec.image_id = view_of(pass.row).image.id;  // pinned with the intent to start
  if (pass.row.input) {
    spec.input = *std::exchange(pass.row.input, std::nullopt);
  } else {
    auto input = co_await parts_.store.load_input(pass.row.ref.execution);
    if (!input && input.error().error_class == ErrorClass::Invalid)
      co_return co_await give_up(pass, "the input cannot be read: " + input.error().message);
    if (!input) co_return input.error();
    spec.input = std::move(*input);
    if (!parts_.lease.held()) co_return Outcome{Again{}};  // it may have run out meanwhile
  }
  const auto created = co_await parts_.runtime.create(spec);
  spec.input.clear();
  if (!created) co_return co_await apply_create_failure(pass, created.error());
  parts_.health.storage_took();
  if (const auto looked = co_await look(pass); !looked) co_return looked.error();
  // Refused by the next plan if it is not as it was asked for. Should it not be there, somebody has removed
  // it.
  if (pass.seen.state == ContainerState::Absent) co_return Outcome{Again{}};
  co_return co_await go_on(std::move(pass));
}

/// What cannot be read is never read: the attempt ends.
ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::give_up(const Pass& pass,
                                                                                 std::string why) {
  Record record = end_attempt(pass.row, Reason::EngineError, std::move(why));
  const auto written = co_await write(pass, record);
  if (!written) co_return written.error();
  co_return Outcome{Again{}};
}

ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::apply_create_failure(
    const Pass& pass, const Error& error) {
  const auto end_with = [&](Reason reason) -> Record { return end_attempt(pass.row, reason, error.message); };
  Record record;
  switch (error.error_class) {
    case ErrorClass::Retry:
      co_return error;  // the engine is away: not this execution's failure
    case ErrorClass::Conflict:
      co_return Outcome{Again{}};  // the next observation shows whose it is
    case ErrorClass::NotFound:
      parts_.images.forget(image_key(pass.row));
      [[fallthrough]];
    case ErrorClass::Doubt: {
      if (pass.row.create_failures + 1 >= kCreateAttempts) {
        record = end_with(Reason::EngineError);
        break;
      }
      logging::warn("create failed", {{"execution", pass.row.ref.execution},
                                      {"class", to_string(error.error_class)},
                                      {"error", error.message}});
      store::Transition counted;
      counted.id = pass.row.ref.execution;
      counted.claim = pass.row.ref.claim;
      counted.from = counted.to = Stage::Claimed;
      counted.reason = Reason::Starting;
      counted.create_failures = pass.row.create_failures + 1;
      record = counted;
      break;
    }
    case ErrorClass::Invalid:
      record = end_with(Reason::CommandInvalid);
      break;
    case ErrorClass::Unsupported:
      record = end_with(Reason::NotEnforceable);
      break;
    case ErrorClass::StorageFull:
      parts_.health.storage_refused();
      record = end_with(Reason::NodeStorageFull);
      break;
  }
  const auto written = co_await write(pass, record);
  if (!written) co_return written.error();
  co_return Outcome{Again{}};
}

ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::apply_start(Pass pass) {
  // Past its lease this node starts nothing; the committed intent is then resolved as a doubt, which finds it
  // never sent.
  if (!parts_.lease.held()) co_return Outcome{WakeAt{parts_.clock.now() + std::chrono::seconds(1)}};
  const auto started = co_await parts_.runtime.start(pass.row.ref, pass.seen.container_id);
  // The next look knows better; should the record of it not come, since the database is away, the run is
  // bounded all the same.
  parts_.deadlines.track(pass.row.ref, pass.seen.container_id, parts_.clock.now() + timeout_of(pass.row), {});
  if (!started) {
    // Whatever the answer was, the next pass looks at the container; start is never sent again for it.
    logging::warn("start was not confirmed", {{"execution", pass.row.ref.execution},
                                              {"class", to_string(started.error().error_class)},
                                              {"error", started.error().message}});
    co_return Outcome{Again{}};
  }
  const auto looked = co_await look(pass);
  pass.inside.reset();  // not before: of one that has ended already, the engine is still busy with its end
  if (!looked) co_return looked.error();
  co_return co_await go_on(std::move(pass));
}

ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::apply_doubt(const Pass& pass) {
  const auto fenced = co_await parts_.runtime.fence(pass.row.ref);
  if (!fenced) co_return fenced.error();
  auto seen = co_await parts_.runtime.observe(pass.row.ref, nullptr, true);
  if (!seen) co_return seen.error();
  Pass again{pass.row, std::move(*seen), container_spec(pass.row), {}};
  again.seen_at = parts_.clock.now();
  auto next = resolve_doubt(again.row, again.seen, *fenced, parts_.clock.now());
  co_return co_await carry_out(std::move(again), std::move(next));
}

ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::apply_signal(const Pass& pass,
                                                                                      runtime::Signal signal,
                                                                                      Outcome next) {
  const auto sent = co_await parts_.runtime.signal(pass.row.ref, pass.seen.container_id, signal);
  if (!sent) co_return sent.error();
  if (signal == runtime::Signal::Term) term_sent_.insert(pass.row.ref.claim);
  co_return next;
}

/// The log as the engine has it takes the place of what was stored while the container ran; unless it has
/// lost its head, which is stored: then what came after that goes behind it.
ExecutionReconciler::Awaitable<Evidence> ExecutionReconciler::collect(const Pass& pass) {
  const auto& ref = pass.row.ref;
  const auto& limits = pass.row.spec->limits;
  auto evidence = co_await parts_.runtime.collect(ref, pass.seen.container_id, limits, {});
  if (!evidence || evidence->logs_from_start) co_return evidence;
  const auto stored = co_await parts_.store.live_log(ref.execution, ref.attempt);
  // What was stored cannot be read: what the engine has of the log is all there is.
  if (!stored && stored.error().error_class == ErrorClass::Invalid) co_return evidence;
  if (!stored) co_return stored.error();
  const auto& logs = evidence->logs;
  if (stored->end == 0 || (!logs.empty() && logs.front().at == stored->begins)) co_return evidence;
  if (!logs.empty()) co_return co_await parts_.runtime.collect(ref, pass.seen.container_id, limits, *stored);
  evidence->logs_behind = stored->end;
  co_return evidence;
}

ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::apply_collect(const Pass& pass) {
  auto evidence = co_await collect(pass);
  if (!evidence) co_return evidence.error();
  Findings findings{std::move(*evidence), {}};
  if (findings.evidence.result_state == Evidence::ResultState::Present) {
    findings.result_problem = co_await asio::co_spawn(
        parts_.pool,
        [this, &findings, &row = pass.row]() -> asio::awaitable<std::string> {
          const auto verdict = parts_.contracts.check_output(row.agent, row.agent_revision, *row.spec,
                                                             findings.evidence.result);
          co_return verdict.schema_broken ? "the agent's output schema cannot be used" : verdict.problem;
        },
        asio::use_awaitable);
  }
  auto record = conclude(pass.row, pass.seen, view_of(pass.row), std::move(findings), pass.seen_at);
  const auto written = co_await write(pass, record);
  if (!written) co_return written.error();
  if (!*written || !std::holds_alternative<store::Finish>(record)) co_return Outcome{Again{}};
  // Nothing but this pass can have moved the row since: what was committed and seen is enough to go on with
  // the removal.
  Pass ended = pass;
  ended.row.stage = Stage::Finished;
  ended.row.reason = std::get<store::Finish>(record).reason;
  co_return co_await go_on(std::move(ended));
}

ExecutionReconciler::Awaitable<controller::Outcome> ExecutionReconciler::apply_remove(const Pass& pass) {
  const auto gone = co_await parts_.runtime.remove(pass.row.ref, pass.seen.container_id);
  if (!gone) co_return gone.error();
  if (!*gone) co_return Outcome{WakeAt{parts_.clock.now() + kRemovalPause}};
  if (pass.row.stage != Stage::Finished) co_return Outcome{Again{}};
  // remove() has verified that nothing is left, which is an observation.
  co_return co_await go_on(Pass{pass.row, runtime::Observation{}, {}, {}});
}

// --- what the node knows
// ----------------------------------------------------------------------------------------------

NodeView ExecutionReconciler::view_of(const Execution& row) {
  NodeView view;
  view.name = parts_.node;
  view.lease_held = parts_.lease.held();
  view.draining = parts_.lease.draining();
  view.live_restore = parts_.capabilities.live_restore;
  view.term_sent = term_sent_.contains(row.ref.claim);
  view.start_patience = parts_.start_patience;
  if (row.stage != Stage::Claimed || !row.spec_whole) return view;
  const auto key = image_key(row);
  view.image = parts_.images.view(key, row.ref.execution);
  // What the engine was never asked for may go elsewhere even while it is away.
  view.stays = stays_.look(row, is_unmade(row) || parts_.health.engine_answers());
  if (!parts_.images.is_fetching(key)) return view;
  stays_.begin_anew(row.ref.execution);
  view.stays = Duration{0};
  return view;
}

std::string ExecutionReconciler::image_key(const Execution& row) const {
  return ImageTable::key_of(row.spec->image, row.spec->image_pull_policy);
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

void ExecutionReconciler::let_go(const ExecutionId& id) {
  parts_.slots.release(id);
  parts_.deadlines.release(id);
  parts_.logs.release(id);
  parts_.gate.withdraw(id);
  parts_.images.release(id);
  stays_.forget(id);
}

}  // namespace slipway::reconcilers

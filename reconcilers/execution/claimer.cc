#include "reconcilers/execution/claimer.h"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "admission/first_decision.h"
#include "logging/log.h"
#include "reconcilers/execution/in_halves.h"
#include "reconcilers/execution/simpler.h"
#include "reconcilers/execution/transition_log.h"

namespace slipway::reconcilers {
namespace {

using controller::Again;
using controller::Outcome;
using controller::WakeAt;
using namespace std::chrono_literals;

constexpr int kDecisionsAtOnce = 500;
constexpr int kClaimsAtOnce = 100;
constexpr Duration kExplainEvery = 1s;
constexpr Duration kExplainMoving = 5s;  // a queue that moves: those at its head are soon gone from there
// A node that goes idle looks soon again, since a row may have come between its last look and its doorbell
// being on.
constexpr std::array<Duration, 5> kPolls = {5ms, 50ms, 250ms, 500ms, 1000ms};
// Then it sleeps as long as the doorbell is heard. Not before: a submitter's long transaction may have looked
// for idle nodes, or taken its snapshot, when there was none.
constexpr Duration kWakeful = 30s;
constexpr Duration kAsleep = 10s;
// A node that is nearly full claims for several slots at once: what it would claim earlier waits for the
// start gate all the same, and a claim is the dearest of all statements.
constexpr int kGatherBelow = 3;  // while fewer than one slot in so many is free
constexpr Duration kGatherAtMost = 200ms;
constexpr Duration kBusy = 1s;  // after this long without rest the doorbell would only slow submitters down

}  // namespace

asio::awaitable<Result<Outcome>> Claimer::reconcile(const controller::Key&) {
  if (asleep_) {
    const auto until = co_await sleep_on();
    if (!until) co_return until.error();
    if (asleep_) co_return Outcome{WakeAt{*until}};
  }
  if (const auto rest = gathers_for(); rest > Duration{0})
    co_return Outcome{WakeAt{parts_.clock.now() + rest}};
  const auto decided = co_await decide();
  if (!decided) co_return decided.error();
  const auto claimed = co_await claim();
  if (!claimed) co_return claimed.error();
  may_wait_ = may_wait_ || *decided + *claimed > 0;
  if (const auto explained = co_await explain(); !explained) co_return explained.error();
  if (*decided + *claimed == 0) co_return co_await go_idle();
  idle_polls_ = 0;
  if (doorbell_on_ && parts_.clock.monotonic() - busy_since_ > kBusy) {
    const auto off = co_await parts_.store.set_idle(false);
    if (!off) co_return off.error();
    doorbell_on_ = false;
  }
  co_return Outcome{Again{}};
}

asio::awaitable<Result<int>> Claimer::decide() {
  const auto undecided = co_await parts_.store.list_undecided(kDecisionsAtOnce);
  if (!undecided) co_return undecided.error();
  if (undecided->empty()) co_return 0;
  const auto inputs = co_await asio::co_spawn(
      parts_.pool,
      [this, &undecided]() -> asio::awaitable<std::vector<admission::ContractVerdict>> {
        std::vector<admission::ContractVerdict> verdicts;
        for (const auto& row : *undecided) {
          const bool asked = row.stage == Stage::New && row.spec;
          verdicts.push_back(
              asked ? parts_.contracts.check_input(row.agent, row.agent_revision, *row.spec, row.input)
                    : admission::ContractVerdict{});
        }
        co_return verdicts;
      },
      asio::use_awaitable);
  std::vector<store::Decision> decisions;
  decisions.reserve(undecided->size());
  for (std::size_t i = 0; i < undecided->size(); ++i)
    decisions.push_back(
        admission::decide_first((*undecided)[i], inputs[i], parts_.policy, parts_.clock.now()));
  const auto steps = co_await write_decisions(std::move(decisions));
  if (!steps) co_return steps.error();
  for (const auto& step : *steps) log_transition(step);
  co_return static_cast<int>(steps->size());
}

asio::awaitable<Result<std::vector<store::Step>>> Claimer::write_decisions(
    std::vector<store::Decision> decisions) {
  return in_halves(
      std::move(decisions),
      [this](const std::vector<store::Decision>& part) { return parts_.store.decide(part); },
      [this](store::Decision decision, Error error) { return decide_simpler(std::move(decision), error); });
}

/// Of one that the database refuses for what is in it, the next simpler forms, until one is taken. A row that
/// takes none is told of and left: others are not to wait for it.
asio::awaitable<Result<std::vector<store::Step>>> Claimer::decide_simpler(store::Decision decision,
                                                                          Error error) {
  const auto id = decision.id;
  logging::warn("a decision was refused as data", {{"execution", id}, {"error", error.message}});
  while (const auto next = simpler(decision)) {
    decision = *next;
    auto steps = co_await parts_.store.decide({decision});
    if (steps || steps.error().error_class != ErrorClass::Invalid) co_return steps;
  }
  logging::error("no decision over this row can be written", {{"execution", id}, {"error", error.message}});
  co_return std::vector<store::Step>{};
}

/// A row whose claim is refused for what is in it would stand at the head of its queue for ever: it ends.
asio::awaitable<Result<std::vector<store::Step>>> Claimer::take(std::vector<ExecutionId> candidates) {
  return in_halves(
      std::move(candidates),
      [this](const std::vector<ExecutionId>& part) -> asio::awaitable<Result<std::vector<store::Step>>> {
        auto steps = co_await parts_.store.claim(part);
        in_doubt_ = in_doubt_ || (!steps && steps.error().error_class == ErrorClass::Doubt);
        co_return steps;
      },
      [this](ExecutionId id, Error error) {
        store::Decision waits;
        waits.id = std::move(id);
        waits.from = waits.to = Stage::Queued;
        return decide_simpler(std::move(waits), std::move(error));
      });
}

asio::awaitable<Result<int>> Claimer::claim() {
  if (const auto found = co_await find_lost(); !found) co_return found.error();
  co_await ask_for_room();
  const int free = std::min(parts_.slots.free(), kClaimsAtOnce);
  if (free == 0 || !parts_.health.may_claim()) co_return 0;
  const auto candidates = past_locks_ ? co_await parts_.store.list_unlocked_candidates(free)
                                      : co_await parts_.store.list_candidates(free);
  if (!candidates) co_return candidates.error();
  past_locks_ = false;
  if (candidates->empty()) co_return 0;
  const auto steps = co_await take(*candidates);
  if (!steps) co_return steps.error();
  past_locks_ = store::taken(*steps).size() < candidates->size();
  for (const auto& step : *steps) {
    log_transition(step);
    if (step.to != Stage::Claimed) continue;
    claimed_at_ = parts_.clock.monotonic();
    parts_.slots.hold(step.id);
    hooks_.on_claimed(step.id, step.attempt);
  }
  co_return static_cast<int>(steps->size());
}

asio::awaitable<void> Claimer::ask_for_room() {
  if (!parts_.health.storage_is_to_be_asked()) co_return;
  const auto room = co_await hooks_.has_room();
  if (room && *room)
    parts_.health.storage_took();
  else
    parts_.health.storage_refused();
}

/// A claim whose answer was lost may have been made: what is this node's takes its slot before more is
/// claimed.
asio::awaitable<Result<void>> Claimer::find_lost() {
  if (!in_doubt_) co_return Result<void>();
  const auto mine = co_await parts_.store.list_unconverged();
  if (!mine) co_return mine.error();
  for (const auto& id : *mine) {
    if (parts_.slots.holds(id)) continue;
    const auto row = co_await parts_.store.load(id);
    if (!row && row.error().error_class != ErrorClass::NotFound) co_return row.error();
    if (!row || !holds_slot(row->stage)) continue;
    parts_.slots.hold(id);
    hooks_.on_found(id);
  }
  in_doubt_ = false;
  co_return Result<void>();
}

/// How long to wait for more slots to come free before the next claim.
Duration Claimer::gathers_for() const {
  if (!claimed_at_ || parts_.slots.free() * kGatherBelow >= parts_.slots.capacity()) return Duration{0};
  return *claimed_at_ + kGatherAtMost - parts_.clock.monotonic();
}

/// While something may have come to wait: never on an idle node.
asio::awaitable<Result<void>> Claimer::explain() {
  const auto every = claimed_at_ && *claimed_at_ > explained_at_ ? kExplainMoving : kExplainEvery;
  if (!may_wait_ || parts_.clock.monotonic() - explained_at_ < every) co_return Result<void>();
  explained_at_ = parts_.clock.monotonic();
  const auto said = co_await parts_.store.explain_waiting(parts_.slots.free() > 0);
  if (!said) co_return said.error();
  may_wait_ = *said > 0;
  co_return Result<void>();
}

asio::awaitable<Result<Outcome>> Claimer::go_idle() {
  busy_since_ = parts_.clock.monotonic();
  if (!doorbell_on_) {
    const auto on = co_await parts_.store.set_idle(true);
    if (!on) co_return on.error();
    doorbell_on_ = true;
    idle_polls_ = 0;
  }
  if (idle_polls_ == 0) idle_since_ = parts_.clock.monotonic();
  if (parts_.clock.monotonic() - idle_since_ > kWakeful) {
    asleep_ = true;
    const auto until = co_await sleep_on();
    if (!until) co_return until.error();
    if (asleep_) co_return Outcome{WakeAt{*until}};
  }
  const auto poll = kPolls.at(static_cast<std::size_t>(std::min<int>(idle_polls_++, kPolls.size() - 1)));
  co_return Outcome{WakeAt{parts_.clock.now() + poll}};
}

/// Goes on sleeping, until the answer, as long as nothing waits, nothing is due and the doorbell is heard.
asio::awaitable<Result<TimePoint>> Claimer::sleep_on() {
  const auto ahead = co_await parts_.store.look_ahead();
  if (!ahead) co_return ahead.error();
  const auto now = parts_.clock.now();
  const bool due = ahead->next_decision && *ahead->next_decision <= now;
  asleep_ = parts_.store.hears_hints() && !ahead->waiting && !due;
  co_return std::min(now + kAsleep, ahead->next_decision.value_or(TimePoint::max()));
}

}  // namespace slipway::reconcilers

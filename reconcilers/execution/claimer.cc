#include "reconcilers/execution/claimer.h"

#include <algorithm>
#include <array>

#include "logging/log.h"
#include "reconcilers/execution/admission.h"

namespace slipway::reconcilers {
namespace {

using controller::Again;
using controller::Outcome;
using controller::WakeAt;
using namespace std::chrono_literals;

constexpr int kDecisionsAtOnce = 500;
constexpr int kCandidatesPerSlot = 16;  // enough of a window for users to take turns in
constexpr int kCandidatesAtLeast = 64;
// A node that goes idle looks soon again, since a row may have come between its last look and its doorbell
// being on.
constexpr std::array<Duration, 5> kPolls = {5ms, 50ms, 250ms, 500ms, 1000ms};
constexpr Duration kBusy = 1s;  // after this long without rest the doorbell would only slow submitters down

}  // namespace

asio::awaitable<Result<Outcome>> Claimer::reconcile(const controller::Key&) {
  const auto decided = co_await decide();
  if (!decided) co_return decided.error();
  const auto claimed = co_await claim();
  if (!claimed) co_return claimed.error();
  if (*decided + *claimed == 0) co_return co_await go_idle();
  idle_polls_ = 0;
  if (doorbell_on_ && clock_.monotonic() - busy_since_ > kBusy) {
    const auto off = co_await store_.set_idle(false);
    if (!off) co_return off.error();
    doorbell_on_ = false;
  }
  co_return Outcome{Again{}};
}

asio::awaitable<Result<int>> Claimer::decide() {
  const auto undecided = co_await store_.list_undecided(kDecisionsAtOnce);
  if (!undecided) co_return undecided.error();
  if (undecided->empty()) co_return 0;
  std::vector<store::Decision> decisions;
  decisions.reserve(undecided->size());
  for (const auto& row : *undecided) decisions.push_back(decide_first(row, clock_.now()));
  co_return co_await store_.decide(decisions);
}

asio::awaitable<Result<int>> Claimer::claim() {
  const int free = slots_.free();
  if (free == 0 || !lease_.held() || lease_.cordoned()) co_return 0;
  const auto candidates =
      co_await store_.list_candidates(std::max(kCandidatesAtLeast, free * kCandidatesPerSlot));
  if (!candidates) co_return candidates.error();
  if (candidates->empty()) co_return 0;
  const auto claimed = co_await store_.claim(pick_fairly(*candidates, free));
  if (!claimed) co_return claimed.error();
  for (const auto& id : *claimed) {
    slots_.hold(id);
    hooks_.on_claimed(id);
  }
  co_return static_cast<int>(claimed->size());
}

asio::awaitable<Result<Outcome>> Claimer::go_idle() {
  busy_since_ = clock_.monotonic();
  if (!doorbell_on_) {
    const auto on = co_await store_.set_idle(true);
    if (!on) co_return on.error();
    doorbell_on_ = true;
    idle_polls_ = 0;
  }
  const auto poll = kPolls.at(static_cast<std::size_t>(std::min<int>(idle_polls_++, kPolls.size() - 1)));
  co_return Outcome{WakeAt{clock_.now() + poll}};
}

}  // namespace slipway::reconcilers

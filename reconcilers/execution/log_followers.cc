#include "reconcilers/execution/log_followers.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "logging/log.h"

namespace slipway::reconcilers {
namespace {

constexpr int kFailures = 12;  // in a row; past that the end brings the rest
constexpr int kDoublings = 6;  // from half a second to half a minute

}  // namespace

LogFollowers::LogFollowers(store::Store& store, runtime::ContainerRuntime& runtime,
                           asio::any_io_executor executor, const Clock& clock, controller::Timers& timers,
                           controller::Random random)
    : store_(store),
      runtime_(runtime),
      executor_(std::move(executor)),
      clock_(clock),
      timers_(timers),
      random_(std::move(random)) {}

void LogFollowers::track(const AttemptRef& ref, const std::string& container_id, const Limits& limits,
                         Duration age) {
  if (const auto found = followers_.find(ref.execution); found != followers_.end()) {
    if (found->second->ref == ref && found->second->container_id == container_id) return;
    release(ref.execution);
  }
  auto follower = std::make_shared<Follower>();
  follower->ref = ref;
  follower->container_id = container_id;
  follower->limits = limits;
  followers_[ref.execution] = follower;
  arm(follower, std::max(kPatience - age, Duration{0}));
}

void LogFollowers::release(const ExecutionId& id) {
  const auto found = followers_.find(id);
  if (found == followers_.end()) return;
  timers_.cancel(found->second->timer);
  end(*found->second);
  followers_.erase(found);
}

void LogFollowers::stop() {
  while (!followers_.empty()) release(ExecutionId(followers_.begin()->first));
}

/// What is under way notices when it comes back.
void LogFollowers::end(Follower& follower) {
  follower.over = true;
  if (follower.stream) follower.stream->close();
  follower.stream.reset();
}

void LogFollowers::arm(const Held& follower, Duration in) {
  follower->timer = timers_.call_at(clock_.monotonic() + in, [this, follower] {
    asio::co_spawn(
        executor_, [this, follower] { return step(follower); },
        [](const std::exception_ptr& failure) {
          if (failure) logging::error("following a log threw");
        });
  });
}

asio::awaitable<void> LogFollowers::step(Held follower) {
  auto more = co_await pass_on(follower);
  if (follower->over) co_return;
  if (more && *more) {
    follower->failures = 0;
    co_return arm(follower, kPause);
  }
  if (follower->stream) follower->stream->close();
  follower->stream.reset();
  follower->known = false;
  if (more || ++follower->failures > kFailures) co_return;  // stays tracked: it is not begun anew
  const auto pause = std::chrono::milliseconds(500LL << std::min(follower->failures - 1, kDoublings));
  arm(follower, pause / 2 + std::chrono::duration_cast<Duration>(pause / 2 * random_()));
}

asio::awaitable<Result<void>> LogFollowers::open(Held follower) {
  const auto stored = co_await store_.live_log(follower->ref.execution, follower->ref.attempt);
  if (!stored) co_return stored.error();
  auto stream = co_await runtime_.follow(follower->ref, follower->container_id, follower->limits);
  if (!stream) co_return stream.error();
  if (follower->over) co_return Error{ErrorClass::Retry, "released meanwhile"};
  follower->stored = *stored;
  follower->stream = std::move(*stream);
  co_return Result<void>{};
}

/// One round: what has come is written. false: nothing more will be, before the end.
asio::awaitable<Result<bool>> LogFollowers::pass_on(Held follower) {
  if (!follower->stream) {
    if (const auto opened = co_await open(follower); !opened) co_return opened.error();
  }
  const auto stream = follower->stream;  // a release may let go of it meanwhile
  auto pieces = co_await stream->next();
  if (!pieces) co_return pieces.error();
  if (pieces->empty() || follower->over) co_return false;
  const auto& stored = follower->stored;
  // Otherwise the engine has dropped the head that is stored, and places would mean something else.
  if (!follower->known && stored.end > 0 && pieces->front().chunk.at != stored.begins) co_return false;
  follower->known = true;
  std::erase_if(*pieces, [&](const LogPiece& piece) {
    return piece.place + static_cast<std::int64_t>(piece.chunk.bytes.size()) <= stored.end;
  });
  if (pieces->empty()) co_return true;
  const store::LogAppend append{follower->ref.execution, follower->ref.claim, std::move(*pieces)};
  const auto written = co_await store_.append_log(append);
  if (!written) co_return written.error();
  if (!*written) co_return Error{ErrorClass::Retry, "the row is not at Running, or has lost what was stored"};
  co_return true;
}

}  // namespace slipway::reconcilers

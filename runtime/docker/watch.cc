#include <boost/asio/detached.hpp>
#include <random>

#include "runtime/docker/docker_impl.h"

namespace slipway::runtime {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::size_t kLongestEvent = 256 * 1024;

std::chrono::milliseconds jittered(std::chrono::milliseconds base) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return base + std::chrono::milliseconds(random() % (base.count() + 1));
}

}  // namespace

void DockerRuntime::Impl::notify(const ExecutionId& execution) {
  if (on_change_) on_change_(execution);
}

void DockerRuntime::Impl::watch(std::function<void(const ExecutionId&)> on_change) {
  unwatch();
  on_change_ = std::move(on_change);
  asio::co_spawn(
      io_, [self = shared_from_this()] { return self->follow_events(); },
      [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);  // a programming mistake: never silently lost
      });
}

void DockerRuntime::Impl::unwatch() {
  ++watch_epoch_;
  on_change_ = nullptr;
  if (watch_pause_) watch_pause_->cancel();
  for (const auto& stream : std::exchange(streams_, {})) stream->close();
  for (const auto& [id, stream] : std::exchange(armed_, {})) {
    if (stream) stream->close();
  }
}

/// A wait for a container that never ran does not end with its removal.
void DockerRuntime::Impl::disarm(const std::string& container_id) {
  exits_told_.erase(container_id);
  signalled_.erase(container_id);
  const auto found = armed_.find(container_id);
  if (found == armed_.end()) return;
  if (found->second) found->second->close();
  armed_.erase(found);
}

/// Whether a wait tells, or has told, what this event says.
bool DockerRuntime::Impl::told_by_wait(const std::string& action, const std::string& container_id) {
  if (action != "die") return false;
  if (exits_told_.erase(container_id) > 0) return true;
  const auto armed = armed_.find(container_id);
  if (armed == armed_.end()) return false;
  if (!armed->second) died_while_arming_.insert(container_id);
  return true;
}

void DockerRuntime::Impl::shut_down() { unwatch(); }

/// false: the stream broke.
asio::awaitable<bool> DockerRuntime::Impl::read_events(EngineStream& stream) {
  std::string pending;
  while (true) {
    auto piece = co_await stream.read(1h);
    if (!piece || piece->empty()) co_return false;
    pending += *piece;
    for (std::size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1)) {
      const json event = parse_answer(pending.substr(0, end));
      const json& actor = member(event, "Actor");
      const ExecutionId execution = text_of(member(member(actor, "Attributes"), kLabelExecution));
      const bool told = told_by_wait(text_of(member(event, "Action")), text_of(member(actor, "ID")));
      if (!execution.empty() && !told) notify(execution);
    }
    if (pending.size() > kLongestEvent) co_return false;
  }
}

asio::awaitable<void> DockerRuntime::Impl::follow_events() {
  const std::uint64_t epoch = watch_epoch_;
  // Exits are told by the armed waits; an event only speaks for what no wait is armed for, or a wait cannot
  // see.
  const json filter = {{"event", {"die", "pause"}},
                       {"label", {std::string(kLabelInstance) + "=" + options_.instance_id}},
                       {"type", {"container"}}};
  std::chrono::milliseconds pause = 100ms;
  watch_pause_ = std::make_shared<asio::steady_timer>(io_);
  const auto timer = watch_pause_;
  while (epoch == watch_epoch_) {
    auto stream = co_await client_.open({.op = "events",
                                         .target = "/events?filters=" + url_escape(filter.dump()),
                                         .timeout = options_.read_timeout});
    if (epoch != watch_epoch_) co_return;
    if (stream && (*stream)->status() == 200) {
      pause = 100ms;
      exits_told_.clear();
      notify({});  // whatever happened while nobody listened
      streams_.insert(*stream);
      co_await read_events(**stream);
      streams_.erase(*stream);
      if (epoch != watch_epoch_) co_return;
      notify({});
    }
    timer->expires_after(jittered(pause));
    boost::system::error_code woken;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    pause = std::min<std::chrono::milliseconds>(pause * 2, 5s);
  }
}

/// Opens the wait and returns once the engine has taken it; the answer is read in the background.
asio::awaitable<Result<void>> DockerRuntime::Impl::arm_wait(AttemptRef ref, std::string container_id,
                                                            bool before_start) {
  if (!armed_.try_emplace(container_id, nullptr).second) co_return Result<void>();
  const std::string condition = before_start ? "next-exit" : "not-running";
  auto stream =
      co_await client_.open({.op = "wait",
                             .method = "POST",
                             .target = "/containers/" + container_id + "/wait?condition=" + condition,
                             .timeout = options_.read_timeout});
  const bool died = died_while_arming_.erase(container_id) > 0;
  if (!stream || (*stream)->status() != 200 || !on_change_) {
    armed_.erase(container_id);
    if (died) notify(ref.execution);  // the event was passed over, since the wait was to tell
    co_return Error{ErrorClass::Retry, "wait could not be armed"};
  }
  armed_[container_id] = *stream;
  auto follow = [](std::shared_ptr<Impl> self, std::shared_ptr<EngineStream> open, ExecutionId execution,
                   std::string id) -> asio::awaitable<void> {
    const auto answer = co_await open->read(24h * 365);
    const auto found = self->armed_.find(id);
    if (found == self->armed_.end() || found->second != open) co_return;  // nobody waits for it any more
    self->armed_.erase(found);
    if (answer && !answer->empty()) self->exits_told_.insert(id);
    self->notify(execution);  // exit or a broken stream: look
  };
  asio::co_spawn(io_, follow(shared_from_this(), *stream, ref.execution, container_id),
                 [](std::exception_ptr error) {
                   if (error) std::rethrow_exception(error);
                 });
  co_return Result<void>();
}

}  // namespace slipway::runtime

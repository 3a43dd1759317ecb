#include "runtime/docker/docker_impl.h"

namespace slipway::runtime {

asio::awaitable<Result<void>> DockerRuntime::Impl::start(AttemptRef ref, std::string container_id) {
  const std::string name = container_name(ref);
  if (on_change_) co_await arm_wait(ref, container_id, true);
  EngineRequest request{.op = "start",
                        .method = "POST",
                        .target = "/containers/" + container_id + "/start",
                        .timeout = options_.effect_timeout};
  auto answer = co_await client_.call(std::move(request));
  if (!answer) co_return Error{ErrorClass::Doubt, answer.error().message};
  if (answer->status == 204) {
    // The start is a fact whatever becomes of the rename: a fence that fails now is tried again in doubt.
    if (!volumes_) co_await on_pool([this, name] { return files_.fence(name); });
    co_return Result<void>();
  }
  const Error doubt = engine_error(ErrorClass::Doubt, "start", *answer);
  if (answer->status == 304) co_return doubt;
  const auto fenced = co_await on_pool([this, name] { return files_.fenced(name); });
  auto after = co_await inspect(container_id, options_.doubt_timeout);
  if (!fenced || *fenced || !after || !after->exists) co_return doubt;
  if (refusal_of(member(after->json, "State")) == Reason::CommandInvalid)
    co_return Error{ErrorClass::Invalid, doubt.message};
  co_return doubt;
}

asio::awaitable<Result<bool>> DockerRuntime::Impl::fence(AttemptRef ref) {
  const std::string name = container_name(ref);
  // What the attempt was made with counts, not what this daemon would use now: volume mode leaves no
  // directory.
  auto fenced = co_await on_pool([this, name] { return files_.fence(name); });
  if (fenced) co_return true;
  if (fenced.error().error_class == ErrorClass::NotFound) co_return false;
  co_return fenced.error();
}

asio::awaitable<Result<void>> DockerRuntime::Impl::signal(std::string container_id, Signal signal) {
  std::string verb;
  switch (signal) {
    case Signal::Term:
      verb = "/kill?signal=SIGTERM";
      break;
    case Signal::Kill:
      verb = "/kill?signal=SIGKILL";
      break;
    case Signal::Unpause:
      verb = "/unpause";
      break;
  }
  // A signal of ours: what it ends was not stopped from outside.
  if (signal != Signal::Unpause) signalled_.insert(container_id);
  EngineRequest request{.op = "signal",
                        .method = "POST",
                        .target = "/containers/" + container_id + verb,
                        .timeout = options_.signal_timeout};
  auto answer = co_await client_.call(std::move(request));
  if (!answer) co_return answer.error();
  if (answer->status == 204 || answer->status == 404 || answer->status == 409) co_return Result<void>();
  auto after = co_await inspect(container_id, options_.read_timeout);
  if (!after) co_return after.error();
  const std::string status = text_of(member(member(after->json, "State"), "Status"));
  const bool settled =
      signal == Signal::Unpause ? status != "paused" : status != "running" && status != "paused";
  if (!after->exists || settled) co_return Result<void>();
  co_return engine_error(ErrorClass::Retry, "signal", *answer);
}

}  // namespace slipway::runtime

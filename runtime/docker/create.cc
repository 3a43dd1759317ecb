#include "runtime/docker/docker_impl.h"
#include "runtime/docker/engine_words.h"

namespace slipway::runtime {
namespace {

ErrorClass class_of(Reason refused) {
  if (refused == Reason::CommandInvalid) return ErrorClass::Invalid;
  if (refused == Reason::NodeStorageFull) return ErrorClass::StorageFull;
  return ErrorClass::Unsupported;
}

}  // namespace

asio::awaitable<Result<void>> DockerRuntime::Impl::prepare(const ContainerSpec& spec) {
  if (volumes_) co_return co_await prepare_volumes(spec);
  const std::string name = container_name(spec.ref);
  co_return co_await on_pool([this, name, &spec] {
    return files_.prepare(name, spec.input, spec.limits.output, spec.user, spec.group);
  });
}

/// After any answer but a clear yes: is it there all the same?
asio::awaitable<Result<std::string>> DockerRuntime::Impl::adopt(AttemptRef ref, Error why_not_created) {
  auto there = co_await inspect(container_name(ref), options_.read_timeout);
  if (!there) co_return Error{ErrorClass::Doubt, why_not_created.message + "; then " + there.error().message};
  if (!there->exists) co_return why_not_created;
  if (!is_ours(there->json, ref)) {
    co_return Error{ErrorClass::Conflict,
                    container_name(ref) + " belongs to container " + there->id + ", which is not ours"};
  }
  co_return there->id;
}

asio::awaitable<Result<std::string>> DockerRuntime::Impl::create(const ContainerSpec& spec) {
  if (!spec.runtime_class.empty() && !options_.runtime_classes.contains(spec.runtime_class)) {
    co_return Error{ErrorClass::Unsupported,
                    "this node offers no runtime class \"" + spec.runtime_class + "\""};
  }
  if (auto ready = co_await prepare(spec); !ready) {
    // Conflict: the input is fenced, so a container of this name was started or given up before. It may still
    // be there.
    if (ready.error().error_class != ErrorClass::Conflict) co_return ready.error();
    co_return co_await adopt(spec.ref, Error{ErrorClass::Doubt, ready.error().message});
  }
  EngineRequest request{.op = "create",
                        .method = "POST",
                        .target = "/containers/create?name=" + container_name(spec.ref),
                        .body = create_body(spec, node_binding(spec, volumes_))
                                    .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                        .timeout = options_.effect_timeout};
  auto answer = co_await client_.call(std::move(request));
  if (!answer) co_return co_await adopt(spec.ref, answer.error());
  if (answer->status == 201) {
    std::string id = text_of(member(parse_answer(answer->body), "Id"));
    if (!id.empty()) co_return id;
  }
  if (const auto refused = refusal_of_create(answer->status, answer->body))
    co_return engine_error(class_of(*refused), "create", *answer);
  switch (answer->status) {
    case 400:
      co_return engine_error(ErrorClass::Doubt, "create", *answer);
    case 404:
      co_return engine_error(ErrorClass::NotFound, "create", *answer);
    case 409:
      co_return co_await adopt(spec.ref, engine_error(ErrorClass::Retry, "create", *answer));
    default:
      co_return co_await adopt(spec.ref, engine_error(ErrorClass::Retry, "create", *answer));
  }
}

}  // namespace slipway::runtime

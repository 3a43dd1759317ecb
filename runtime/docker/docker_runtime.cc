#include "runtime/docker/docker_runtime.h"

#include "api/utf8.h"
#include "runtime/docker/docker_impl.h"

namespace slipway::runtime {

DockerRuntime::Impl::Impl(DockerOptions options, asio::any_io_executor io, asio::thread_pool& pool,
                          EngineProbe* probe)
    : options_(std::move(options)),
      io_(io),
      pool_(pool),
      host_(options_.host ? *options_.host : posix_host()),
      client_(io, options_.socket_path, options_.pid_file, options_.connect_timeout, probe, host_),
      files_(host_, options_.state_dir),
      cgroups_(host_),
      volumes_(options_.io == IoMode::Volume) {}

Error engine_error(ErrorClass error_class, std::string_view op, const EngineResponse& response) {
  return Error{error_class, std::string(op) + ": status " + std::to_string(response.status) + " " +
                                excerpt(response.body, 500)};
}

std::string url_escape(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      escaped += c;
    } else {
      escaped += '%';
      escaped += kHex[byte >> 4];
      escaped += kHex[byte & 15];
    }
  }
  return escaped;
}

DockerRuntime::DockerRuntime(DockerOptions options, asio::any_io_executor io, asio::thread_pool& pool,
                             EngineProbe* probe)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(io), pool, probe)) {}
DockerRuntime::~DockerRuntime() { impl_->shut_down(); }

asio::awaitable<Result<Observation>> DockerRuntime::observe(const AttemptRef& ref,
                                                            const ContainerSpec* expected,
                                                            bool wait_for_start) {
  return impl_->observe(ref, expected, wait_for_start);
}
asio::awaitable<Result<std::vector<Listed>>> DockerRuntime::list() { return impl_->list(); }
asio::awaitable<Result<PullResult>> DockerRuntime::pull(const std::string& image, ImagePullPolicy policy) {
  return impl_->pull(image, policy);
}
asio::awaitable<Result<std::string>> DockerRuntime::create(const ContainerSpec& spec) {
  return impl_->create(spec);
}
asio::awaitable<Result<void>> DockerRuntime::start(const AttemptRef& ref, const std::string& container_id) {
  return impl_->start(ref, container_id);
}
asio::awaitable<Result<bool>> DockerRuntime::fence(const AttemptRef& ref) { return impl_->fence(ref); }
asio::awaitable<Result<void>> DockerRuntime::signal(const AttemptRef&, const std::string& container_id,
                                                    Signal signal) {
  return impl_->signal(container_id, signal);
}
asio::awaitable<Result<std::shared_ptr<LogStream>>> DockerRuntime::follow(const AttemptRef&,
                                                                          const std::string& container_id,
                                                                          const Limits& limits) {
  return impl_->follow(container_id, limits.logs);
}
asio::awaitable<Result<Evidence>> DockerRuntime::collect(const AttemptRef& ref,
                                                         const std::string& container_id,
                                                         const Limits& limits, const LiveLog& stored) {
  return impl_->collect(ref, container_id, limits, stored);
}
asio::awaitable<Result<bool>> DockerRuntime::remove(const AttemptRef& ref, const std::string& container_id) {
  return impl_->remove(ref, container_id);
}
void DockerRuntime::watch(std::function<void(const ExecutionId&)> on_change) {
  impl_->watch(std::move(on_change));
}
void DockerRuntime::unwatch() { impl_->unwatch(); }
asio::awaitable<Result<Capabilities>> DockerRuntime::probe() { return impl_->probe(); }
asio::awaitable<Result<bool>> DockerRuntime::has_room() { return impl_->has_room(); }

}  // namespace slipway::runtime

#include "api/utf8.h"
#include "runtime/docker/docker_impl.h"
#include "runtime/docker/image_ref.h"

namespace slipway::runtime {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestLine = 1u << 20;
constexpr std::size_t kLongestConfig = 1u << 20;

bool under_proc(const std::string& path) { return path == "/proc" || path.starts_with("/proc/"); }

/// An image is hostile input: what its configuration may bring into the container beside files.
std::string refusal(const json& config) {
  const json& volumes = member(config, "Volumes");
  if (volumes.is_object() && !volumes.empty()) return "the image declares volumes";
  if (under_proc(text_of(member(config, "WorkingDir"))))
    return "the image's working directory is under /proc";
  const std::string directory = text_of(member(config, "WorkingDir"));
  if (!directory.empty() && !directory.starts_with('/'))
    return "the image's working directory is not an absolute path";
  const json& entrypoint = member(config, "Entrypoint");
  if (entrypoint.is_array() && !entrypoint.empty() && under_proc(text_of(entrypoint[0])))
    return "the image's entrypoint is under /proc";
  const json& command = member(config, "Cmd");
  const bool bare = !entrypoint.is_array() || entrypoint.empty();
  if (bare && command.is_array() && !command.empty() && under_proc(text_of(command[0])))
    return "the image's command is under /proc";
  return {};
}

std::string digest_of(const json& image, const std::string& repository) {
  std::string any;
  for (const json& entry : member(image, "RepoDigests")) {
    const std::string text = text_of(entry);
    const std::size_t at = text.find('@');
    if (at == std::string::npos) continue;
    if (text.substr(0, at) == repository) return text.substr(at + 1);
    if (any.empty()) any = text.substr(at + 1);
  }
  return any;
}

PullResult failure(PullFailure why, std::string detail) {
  return PullResult{.failure = why, .detail = std::move(detail)};
}

/// The error of a progress line, empty if it tells none. A 200 answer may end with one.
std::string error_in(const std::string& line) {
  const json progress = parse_answer(line);
  const json& detail = member(progress, "errorDetail");
  if (!detail.is_null()) return detail.dump(-1, ' ', false, json::error_handler_t::replace);
  return text_of(member(progress, "error"));
}

}  // namespace

asio::awaitable<Result<std::optional<ImageInfo>>> DockerRuntime::Impl::inspect_image(std::string image) {
  const auto ref = parse_image_ref(image);
  if (!ref) co_return ref.error();
  auto answer = co_await client_.call({.op = "inspect_image",
                                       .target = "/images/" + ref->full() + "/json",
                                       .timeout = options_.read_timeout});
  if (!answer) co_return answer.error();
  if (answer->status == 404) co_return std::optional<ImageInfo>();
  const json facts = parse_answer(answer->body);
  ImageInfo info;
  info.id = text_of(member(facts, "Id"));
  if (answer->status != 200 || info.id.empty())
    co_return engine_error(ErrorClass::Retry, "inspect image", *answer);
  info.digest = digest_of(facts, ref->repository);
  info.not_allowed = refusal(member(facts, "Config"));
  co_return std::optional<ImageInfo>(std::move(info));
}

/// One pull. Classified by the status alone: 404 says that the registry has no such manifest. A registry that
/// answers "denied" for what does not exist (Docker Hub) is told apart by the engine, not by us: it gives
/// 404, too. Once the engine has answered 200 the manifest exists, so a failure after that is never "not
/// found".
asio::awaitable<Result<PullResult>> DockerRuntime::Impl::fetch(std::string image) {
  const auto ref = parse_image_ref(image);
  if (!ref) co_return ref.error();
  if (ref->by_id) co_return failure(PullFailure::NotFound, "an image id cannot be pulled");
  EngineRequest request{.op = "pull",
                        .method = "POST",
                        .target = "/images/create?fromImage=" + url_escape(ref->repository) +
                                  "&tag=" + url_escape(ref->version),
                        .timeout = std::min(options_.pull_idle_timeout, options_.pull_timeout)};
  if (!options_.registry_auth.empty()) {
    const std::string path = options_.registry_auth;
    // Without the password a registry says that there is no such image, and the author would be blamed.
    const auto config = co_await on_pool([this, path] { return host_.read(path, kLongestConfig); });
    if (!config && config.error().error_class != ErrorClass::NotFound)
      co_return Error{ErrorClass::Retry, config.error().message};
    if (config) request.registry_auth = registry_auth(*config, ref->registry);
  }
  const auto give_up = std::chrono::steady_clock::now() + options_.pull_timeout;
  auto stream = co_await client_.open(std::move(request));
  if (!stream) co_return Error{ErrorClass::Retry, stream.error().message};
  const int status = (*stream)->status();
  std::string pending;
  std::string error;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(give_up - std::chrono::steady_clock::now());
    if (left.count() <= 0) co_return failure(PullFailure::Failed, "it took longer than pull_timeout");
    auto piece = co_await (*stream)->read(std::min(left, options_.pull_idle_timeout));
    if (!piece) co_return Error{ErrorClass::Retry, piece.error().message};
    if (piece->empty()) break;
    pending += *piece;
    for (std::size_t end; status == 200 && (end = pending.find('\n')) != std::string::npos;
         pending.erase(0, end + 1)) {
      if (std::string found = error_in(pending.substr(0, end)); !found.empty()) error = std::move(found);
    }
    if (pending.size() > kLongestLine) co_return failure(PullFailure::Failed, "a progress line without end");
  }
  if (status != 200)
    co_return failure(status == 404 ? PullFailure::NotFound : PullFailure::Failed,
                      std::to_string(status) + " " + excerpt(pending, 500));
  if (error.empty()) error = error_in(pending);
  if (!error.empty()) co_return failure(PullFailure::Failed, excerpt(error, 500));
  auto present = co_await inspect_image(image);
  if (!present) co_return present.error();
  if (!*present) co_return failure(PullFailure::Failed, "pulled, but the engine does not have it");
  co_return PullResult{.image = std::move(*present)};
}

asio::awaitable<Result<PullResult>> DockerRuntime::Impl::pull_once(std::string image,
                                                                   ImagePullPolicy policy) {
  if (policy != ImagePullPolicy::Always) {
    auto present = co_await inspect_image(image);
    if (!present) co_return present.error();
    if (*present) co_return PullResult{.image = std::move(*present)};
    if (policy == ImagePullPolicy::Never)
      co_return failure(PullFailure::NotFound, "not present, and the policy is Never");
  }
  co_return co_await fetch(image);
}

asio::awaitable<Result<PullResult>> DockerRuntime::Impl::pull(std::string image, ImagePullPolicy policy) {
  // The table takes less care than the doors: what is no name of an image is an image that is not there.
  if (const auto ref = parse_image_ref(image); !ref)
    co_return failure(PullFailure::NotFound, ref.error().message);
  if (policy == ImagePullPolicy::Never)
    co_return co_await pull_once(image, policy);  // a look waits for no pull
  while (pulling_.contains(image)) {
    auto turn = pulling_[image];
    boost::system::error_code woken;
    co_await turn->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    // Somebody has just fetched it: that is as fresh as Always asks for.
    if (policy == ImagePullPolicy::Always) policy = ImagePullPolicy::IfNotPresent;
  }
  auto turn = std::make_shared<asio::steady_timer>(io_, asio::steady_timer::time_point::max());
  pulling_[image] = turn;
  auto result = co_await pull_once(image, policy);
  pulling_.erase(image);
  turn->cancel();
  co_return result;
}

}  // namespace slipway::runtime

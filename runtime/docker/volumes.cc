#include "runtime/docker/docker_impl.h"
#include "runtime/docker/image_ref.h"
#include "runtime/docker/tar.h"

namespace slipway::runtime {
namespace {

using nlohmann::json;

/// Bits of Go's FileMode that make a file anything but regular.
constexpr std::uint32_t kNotRegularBits =
    1u << 31 | 1u << 27 | 1u << 26 | 1u << 25 | 1u << 24 | 1u << 21 | 1u << 19;
constexpr std::int64_t kTarOverhead = 64 * 1024;

json volume_mount(const std::string& name, const char* target) {
  return {{"Type", "volume"}, {"Source", name}, {"Target", target}, {"VolumeOptions", {{"NoCopy", true}}}};
}

}  // namespace

/// A container that is never started: through it input is written and, if the real one is lost, output read.
asio::awaitable<Result<void>> DockerRuntime::Impl::make_helper(const std::string& name,
                                                               const AttemptRef& ref) {
  auto image = co_await probe_image();
  if (!image) co_return image.error();
  json labels = labels_of(ref, options_.instance_id);
  labels[std::string(kLabelRole)] = "helper";
  const json body = {{"Image", *image},
                     {"Entrypoint", {"/never-started"}},
                     {"NetworkDisabled", true},
                     {"Labels", labels},
                     {"HostConfig",
                      {{"NetworkMode", "none"},
                       {"CapDrop", {"ALL"}},
                       {"LogConfig", {{"Type", "none"}}},
                       {"Mounts", json::array({volume_mount(name + "-input", "/input"),
                                               volume_mount(name + "-output", "/output")})}}}};
  auto made = co_await client_.call({.op = "create",
                                     .method = "POST",
                                     .target = "/containers/create?name=" + name + "-helper",
                                     .body = body.dump(),
                                     .timeout = options_.effect_timeout});
  if (!made) co_return made.error();
  if (made->status == 201) co_return Result<void>();
  if (made->status != 409) co_return engine_error(ErrorClass::Retry, "create helper", *made);
  auto there = co_await inspect(name + "-helper", options_.read_timeout);
  if (!there) co_return there.error();
  if (there->exists && is_ours(there->json, ref)) co_return Result<void>();
  co_return Error{ErrorClass::Conflict, name + "-helper is not ours"};
}

asio::awaitable<Result<void>> DockerRuntime::Impl::fill_volumes(const ContainerSpec& spec) {
  const std::string name = container_name(spec.ref);
  if (auto helper = co_await make_helper(name, spec.ref); !helper) co_return helper.error();
  // A tar unpacked at / and not at /input: an entry for the directory itself is what sets a volume's owner
  // and mode.
  const std::string tar = make_tar(
      {{.path = "input/", .directory = true, .mode = 0755},
       {.path = "input/input.json", .bytes = spec.input, .mode = 0444},
       {.path = "output/", .directory = true, .mode = 0700, .user = spec.user, .group = spec.group}});
  auto put = co_await client_.call({.op = "put_archive",
                                    .method = "PUT",
                                    .target = "/containers/" + name + "-helper/archive?path=%2F",
                                    .body = tar,
                                    .content_type = "application/x-tar",
                                    .timeout = options_.effect_timeout});
  if (!put)
    co_return Error{ErrorClass::Retry, put.error().message};  // only the helper's volumes may be half written
  if (put->status != 200) co_return engine_error(ErrorClass::Retry, "put archive", *put);
  auto removed = co_await remove_container(name + "-helper");
  if (!removed) co_return removed.error();
  co_return Result<void>();
}

asio::awaitable<Result<void>> DockerRuntime::Impl::prepare_volumes(const ContainerSpec& spec) {
  const std::string name = container_name(spec.ref);
  auto there = co_await inspect(name, options_.read_timeout);
  if (!there) co_return there.error();
  if (there->exists) co_return Result<void>();  // made before: its input must not be written under it
  for (const char* suffix : {"-input", "-output"}) {
    const json body = {{"Name", name + suffix}, {"Labels", labels_of(spec.ref, options_.instance_id)}};
    auto made = co_await client_.call({.op = "create_volume",
                                       .method = "POST",
                                       .target = "/volumes/create",
                                       .body = body.dump(),
                                       .timeout = options_.effect_timeout});
    if (!made) co_return made.error();
    if (made->status != 201) co_return engine_error(ErrorClass::Retry, "create volume", *made);
  }
  co_return co_await fill_volumes(spec);
}

asio::awaitable<Result<void>> DockerRuntime::Impl::read_archive(std::string container, std::int64_t cap,
                                                                Evidence& evidence) {
  using State = Evidence::ResultState;
  evidence.result_state = State::Missing;
  const std::string target = "/containers/" + container + "/archive?path=%2Foutput%2Fresult.json";
  auto head = co_await client_.call(
      {.op = "stat_archive", .method = "HEAD", .target = target, .timeout = options_.read_timeout});
  if (!head) co_return head.error();
  if (head->status == 404) co_return Result<void>();
  if (head->status != 200) co_return engine_error(ErrorClass::Retry, "stat archive", *head);
  const json facts = parse_answer(unbase64(head->path_stat));
  const json& mode = member(facts, "mode");
  if (!mode.is_number_unsigned() || (mode.get<std::uint64_t>() & kNotRegularBits) != 0) {
    evidence.result_state = State::NotRegular;
    co_return Result<void>();
  }
  auto stream =
      co_await client_.open({.op = "get_archive", .target = target, .timeout = options_.read_timeout});
  if (!stream) co_return stream.error();
  if ((*stream)->status() == 404) co_return Result<void>();
  if ((*stream)->status() != 200)
    co_return Error{ErrorClass::Retry, "get archive: status " + std::to_string((*stream)->status())};
  std::string tar;
  while (static_cast<std::int64_t>(tar.size()) < cap + kTarOverhead) {
    auto piece = co_await (*stream)->read(options_.read_timeout);
    if (!piece) co_return piece.error();
    if (piece->empty()) break;
    tar += *piece;
  }
  (*stream)->close();
  const TarFile found = co_await on_pool([&] { return read_single_file(tar, cap, evidence.result); });
  switch (found) {
    case TarFile::Missing:
      evidence.result_state = State::Missing;
      break;
    case TarFile::NotRegular:
      evidence.result_state = State::NotRegular;
      break;
    case TarFile::TooLarge:
      evidence.result_state = State::TooLarge;
      break;
    case TarFile::Regular:
      evidence.result_state = State::Present;
      break;
  }
  co_return Result<void>();
}

/// One of this node's, that is: another's under the same name is not ours to read or to remove.
asio::awaitable<Result<bool>> DockerRuntime::Impl::has_volume(std::string volume) {
  auto answer = co_await client_.call(
      {.op = "inspect_volume", .target = "/volumes/" + volume, .timeout = options_.read_timeout});
  if (!answer) co_return answer.error();
  if (answer->status == 404) co_return false;
  if (answer->status != 200) co_return engine_error(ErrorClass::Retry, "inspect volume", *answer);
  const json facts = parse_answer(answer->body);
  co_return member(member(facts, "Labels"), kLabelInstance) == options_.instance_id;
}

/// The result of a container, or, if that is lost, what its volume still holds: read through a helper.
asio::awaitable<Result<void>> DockerRuntime::Impl::read_volume(AttemptRef ref, std::string container_id,
                                                               std::int64_t cap, Evidence& evidence) {
  if (!container_id.empty()) co_return co_await read_archive(container_id, cap, evidence);
  const std::string name = container_name(ref);
  const auto there = co_await has_volume(name + "-output");
  if (!there) co_return there.error();
  if (!*there) co_return Result<void>();
  if (auto helper = co_await make_helper(name, ref); !helper) co_return helper.error();
  co_return co_await read_archive(name + "-helper", cap, evidence);
}

/// Helper and volumes of an attempt. true: gone.
asio::awaitable<Result<bool>> DockerRuntime::Impl::remove_volumes(AttemptRef ref) {
  const std::string name = container_name(ref);
  auto helper = co_await inspect(name + "-helper", options_.read_timeout);
  if (!helper) co_return helper.error();
  if (helper->exists && is_ours(helper->json, ref)) {
    auto gone = co_await remove_container(helper->id);
    if (!gone || !*gone) co_return gone;
  }
  for (const char* suffix : {"-input", "-output"}) {
    const auto there = co_await has_volume(name + suffix);
    if (!there) co_return there.error();
    if (!*there) continue;
    auto answer = co_await client_.call({.op = "remove_volume",
                                         .method = "DELETE",
                                         .target = "/volumes/" + name + suffix,
                                         .timeout = options_.effect_timeout});
    if (!answer) co_return answer.error();
    if (answer->status == 409) co_return false;
    if (answer->status != 204 && answer->status != 404)
      co_return engine_error(ErrorClass::Retry, "remove volume", *answer);
  }
  co_return true;
}

}  // namespace slipway::runtime

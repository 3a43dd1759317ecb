#include <charconv>

#include "runtime/docker/docker_impl.h"

namespace slipway::runtime {
namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "slipway-";
constexpr std::size_t kUuid = 36;

int number_or(const std::string& text, int otherwise) {
  int value = otherwise;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : otherwise;
}

/// "slipway-<uuid>-<attempt>"; attempt 0: not such a name.
AttemptRef ref_from_name(std::string_view name) {
  AttemptRef ref;
  if (!name.starts_with(kPrefix) || name.size() < kPrefix.size() + kUuid + 2) return ref;
  ref.execution = std::string(name.substr(kPrefix.size(), kUuid));
  ref.attempt = number_or(std::string(name.substr(kPrefix.size() + kUuid + 1)), 0);
  if (container_name(ref) != name) ref.attempt = 0;
  return ref;
}

ContainerState listed_state(const std::string& text) {
  if (text == "created") return ContainerState::Created;
  if (text == "running" || text == "restarting") return ContainerState::Running;
  if (text == "paused") return ContainerState::Paused;
  if (text == "exited") return ContainerState::Exited;
  if (text == "removing") return ContainerState::Removing;
  return ContainerState::Dead;
}

Listed listed_container(const json& entry) {
  const json& labels = member(entry, "Labels");
  Listed listed;
  listed.ref.execution = text_of(member(labels, kLabelExecution));
  listed.ref.attempt = number_or(text_of(member(labels, kLabelAttempt)), 0);
  listed.ref.claim = text_of(member(labels, kLabelClaim));
  listed.container_id = text_of(member(entry, "Id"));
  listed.state = listed_state(text_of(member(entry, "State")));
  const json& names = member(entry, "Names");
  if (names.is_array() && !names.empty()) listed.name = text_of(names[0]);
  if (listed.name.starts_with('/')) listed.name.erase(0, 1);
  return listed;
}

void add_leftover(const std::string& name, std::map<std::string, Listed>& found) {
  const AttemptRef ref = ref_from_name(name);
  if (ref.attempt > 0) found.try_emplace(name, Listed{.ref = ref, .name = name});
}

/// "<name>-input" → name.
std::string without_suffix(const std::string& text) { return text.substr(0, text.rfind('-')); }

}  // namespace

asio::awaitable<Result<std::vector<Listed>>> DockerRuntime::Impl::list() {
  const std::string filter =
      url_escape(json{{"label", {std::string(kLabelInstance) + "=" + options_.instance_id}}}.dump());
  // Leftovers first: a container made in between is then seen as a container, not as a directory without one.
  auto left = co_await on_pool([this, cgroups = cgroup_names()]() -> Result<std::vector<std::string>> {
    auto all = files_.leftovers();
    if (!all) return all;
    const auto children = cgroups_.children(cgroups.root());
    if (!children) return children.error();
    for (const std::string& child : *children) all->push_back(cgroups.name_of(child));
    return all;
  });
  if (!left) co_return left.error();
  std::vector<std::string> names = std::move(*left);
  auto volumes = co_await client_.call(
      {.op = "list", .target = "/volumes?filters=" + filter, .timeout = options_.read_timeout});
  if (!volumes) co_return volumes.error();
  if (volumes->status != 200) co_return engine_error(ErrorClass::Retry, "list volumes", *volumes);
  auto answer = co_await client_.call({.op = "list",
                                       .target = "/containers/json?all=1&filters=" + filter,
                                       .timeout = options_.read_timeout,
                                       .body_cap = 256u << 20});
  if (!answer) co_return answer.error();
  const json containers = parse_answer(answer->body);
  if (answer->status != 200 || !containers.is_array())
    co_return engine_error(ErrorClass::Retry, "list", *answer);
  std::map<std::string, Listed> found;
  std::vector<std::string> helpers;
  for (const json& entry : containers) {
    Listed listed = listed_container(entry);
    if (text_of(member(member(entry, "Labels"), kLabelRole)) == "helper") {
      helpers.push_back(without_suffix(listed.name));
    } else {
      found.insert_or_assign(listed.name, std::move(listed));
    }
  }
  const json volume_answer = parse_answer(volumes->body);
  for (const json& volume : member(volume_answer, "Volumes"))
    names.push_back(without_suffix(text_of(member(volume, "Name"))));
  for (const std::string& name : helpers) add_leftover(name, found);
  for (const std::string& name : names) add_leftover(name, found);
  std::vector<Listed> result;
  for (auto& [name, listed] : found) {
    if (!probes_.contains(listed.ref.execution)) result.push_back(std::move(listed));
  }
  co_return result;
}

}  // namespace slipway::runtime

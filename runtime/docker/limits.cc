#include "runtime/docker/limits.h"

#include <array>
#include <string_view>

#include "api/utf8.h"

namespace slipway::runtime {
namespace {

using nlohmann::json;

const json& field(const json& object, std::string_view name) {
  static const json null;
  if (!object.is_object()) return null;
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

/// null, false, 0, "", [] and {} all mean "not set" in the engine's answers.
bool is_unset(const json& value) {
  if (value.is_null()) return true;
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number_integer()) return value.get<std::int64_t>() == 0;
  if (value.is_string()) return value.get_ref<const std::string&>().empty();
  return (value.is_array() || value.is_object()) && value.empty();
}

/// Every member that was asked for reads back equal; the engine may add members of its own to an object.
bool covers(const json& asked, const json& got) {
  if (is_unset(asked)) return is_unset(got);
  if (asked.is_object()) {
    if (!got.is_object()) return false;
    for (const auto& [name, value] : asked.items()) {
      if (!covers(value, field(got, name))) return false;
    }
    return true;
  }
  if (asked.is_array()) {
    if (!got.is_array() || asked.size() != got.size()) return false;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (!covers(asked[i], got[i])) return false;
    }
    return true;
  }
  return asked == got;
}

std::string short_dump(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() > 200 ? excerpt(text, 200) + "…" : text;
}

std::string difference(std::string_view name, const json& asked, const json& got) {
  return std::string(name) + ": asked " + short_dump(asked) + ", got " + short_dump(got);
}

/// Doors to the host that were never asked for. Unset in a container that is ours.
constexpr std::array<std::string_view, 19> kForbidden = {
    "Binds",        "Devices", "DeviceRequests", "DeviceCgroupRules", "CapAdd",
    "Privileged",   "PidMode", "UTSMode",        "UsernsMode",        "VolumesFrom",
    "PortBindings", "Links",   "GroupAdd",       "ExtraHosts",        "OomScoreAdj",
    "AutoRemove",   "Sysctls", "StorageOpt",     "PublishAllPorts"};

std::string forbidden_field(const json& host) {
  for (std::string_view name : kForbidden) {
    if (!is_unset(field(host, name))) return difference(name, nullptr, field(host, name));
  }
  const json& restart = field(field(host, "RestartPolicy"), "Name");
  if (!is_unset(restart) && restart != "no") return difference("RestartPolicy", "no", restart);
  return {};
}

/// The environment holds the input, so it is named and not quoted.
std::string config_difference(const json& asked, const json& config) {
  for (std::string_view name : {"User", "NetworkDisabled", "Labels", "Healthcheck", "StopSignal",
                                "StopTimeout", "Entrypoint", "Cmd", "Image"}) {
    if (asked.contains(name) && !covers(asked[std::string(name)], field(config, name))) {
      return difference(name, asked[std::string(name)], field(config, name));
    }
  }
  for (const json& variable : field(asked, "Env")) {
    const json& got = field(config, "Env");
    if (!got.is_array() || std::find(got.begin(), got.end(), variable) == got.end())
      return "Env: a variable is missing";
  }
  return {};
}

}  // namespace

std::string violated_limit(const json& asked_body, const json& inspected) {
  const json& host = field(inspected, "HostConfig");
  for (const auto& [name, value] : field(asked_body, "HostConfig").items()) {
    if (!covers(value, field(host, name))) return difference(name, value, field(host, name));
  }
  if (std::string found = forbidden_field(host); !found.empty()) return found;
  if (std::string found = config_difference(asked_body, field(inspected, "Config")); !found.empty())
    return found;
  const json& mounts = field(inspected, "Mounts");
  if (mounts.is_array() && mounts.size() > 2) return difference("Mounts", 2, mounts.size());
  return {};
}

std::string effective_limits(const json& inspected) {
  const json& host = field(inspected, "HostConfig");
  json limits = json::object();
  for (const auto& [name, engine_name] :
       std::initializer_list<std::pair<const char*, const char*>>{{"memory", "Memory"},
                                                                  {"memorySwap", "MemorySwap"},
                                                                  {"nanoCpus", "NanoCpus"},
                                                                  {"pids", "PidsLimit"},
                                                                  {"network", "NetworkMode"},
                                                                  {"readonlyRootfs", "ReadonlyRootfs"},
                                                                  {"capDrop", "CapDrop"},
                                                                  {"securityOpt", "SecurityOpt"},
                                                                  {"ipc", "IpcMode"},
                                                                  {"tmpfs", "Tmpfs"},
                                                                  {"ulimits", "Ulimits"},
                                                                  {"runtime", "Runtime"},
                                                                  {"cgroupParent", "CgroupParent"}}) {
    limits[name] = field(host, engine_name);
  }
  limits["apparmor"] = field(inspected, "AppArmorProfile");
  limits["user"] = field(field(inspected, "Config"), "User");
  limits["logs"] = field(field(host, "LogConfig"), "Config");
  return limits.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace slipway::runtime

#include "cmd/slipway/doctor_engine.h"

#include <algorithm>

namespace slipway::cli {
namespace {

using nlohmann::json;

std::string text_of(const json& info, const char* name) {
  const auto found = info.find(name);
  return found != info.end() && found->is_string() ? found->get<std::string>() : "";
}

Finding judge_live_restore(const json& info) {
  if (info.value("LiveRestoreEnabled", json()) == true) return good("live-restore", "on");
  return warning(
      "live-restore", "off", "on",
      R"(put "live-restore": true into daemon.json: without, a restart of the engine kills what runs)",
      "handbook.md");
}

/// Layers that are copied or thin-provisioned cost a start, or the disk, many times what overlay2 costs.
Finding judge_storage(const json& info) {
  const auto driver = text_of(info, "Driver");
  for (const auto* known : {"overlay2", "overlayfs", "btrfs", "zfs"}) {
    if (driver == known) return good("storage", driver);
  }
  return warning("storage", driver.empty() ? "unknown" : driver, "overlay2",
                 "set \"storage-driver\" in daemon.json", "capacity.md");
}

Finding judge_cgroups(const json& info) {
  const auto version = text_of(info, "CgroupVersion");
  const auto driver = text_of(info, "CgroupDriver");
  const auto found = "v" + (version.empty() ? "?" : version) + ", driver " + (driver.empty() ? "?" : driver);
  if (driver == "cgroupfs" || driver == "systemd") return good("cgroups", found);
  return failure("cgroups", found, "driver cgroupfs or systemd",
                 "give the engine its cgroups: without them no limit holds", "security.md");
}

/// The value of an entry such as "name=seccomp,profile=default"; empty: there is none of that name.
std::string security_option(const json& info, const std::string& name) {
  const auto options = info.find("SecurityOptions");
  if (options == info.end() || !options->is_array()) return "";
  for (const auto& option : *options) {
    if (!option.is_string()) continue;
    const auto text = option.get<std::string>();
    if (text == "name=" + name || text.starts_with("name=" + name + ",")) return text;
  }
  return "";
}

Finding judge_seccomp(const json& info) {
  const auto option = security_option(info, "seccomp");
  if (option.empty())
    return failure("seccomp", "none", "the engine's default profile",
                   "use a kernel and an engine that have it", "security.md");
  const auto at = option.find("profile=");
  const auto profile = at == std::string::npos ? "default" : option.substr(at + 8);
  if (profile == "default" || profile == "builtin") return good("seccomp", "profile " + profile);
  if (profile == "unconfined")
    return failure("seccomp", "unconfined", "the engine's default profile",
                   "take \"seccomp-profile\" out of daemon.json", "security.md");
  return warning("seccomp", "profile " + profile, "the engine's default profile",
                 "take \"seccomp-profile\" out of daemon.json unless it is stricter", "security.md");
}

Finding judge_module(const json& info) {
  for (const auto* module : {"apparmor", "selinux"}) {
    if (!security_option(info, module).empty()) return good("lsm", module);
  }
  return warning("lsm", "neither AppArmor nor SELinux", "one of them",
                 "boot a kernel with it: a second wall behind seccomp is missing", "security.md");
}

Finding judge_users(const json& info) {
  for (const auto* mode : {"rootless", "userns"}) {
    if (!security_option(info, mode).empty())
      return warning("users", std::string(mode == std::string("userns") ? "userns-remap" : mode),
                     "the host's user ids", "nobody has tested Slipway so: trust the line `files` alone",
                     "security.md");
  }
  return good("users", "not remapped");
}

/// The driver that every container gets, with its own caps on size, whatever the engine's default is.
Finding judge_logs(const json& info) {
  const auto drivers = info.value("/Plugins/Log"_json_pointer, json::array());
  if (std::find(drivers.begin(), drivers.end(), "local") != drivers.end())
    return good("logs", "driver local, capped for each agent");
  return failure("logs", "the engine has no log driver local", "local", "use an engine that has it",
                 "security.md");
}

void judge_classes(const json& info, const std::map<std::string, std::string>& classes, Findings& findings) {
  const auto runtimes = info.value("Runtimes", json::object());
  for (const auto& [name, runtime] : classes) {
    if (runtimes.contains(runtime)) {
      findings.push_back(good("class", name + " by runtime " + runtime));
    } else {
      findings.push_back(
          failure("class", name + " leads to runtime " + runtime + ", which the engine does not have",
                  "a runtime of that name", "add it to \"runtimes\" in daemon.json and restart the engine",
                  "gvisor.md"));
    }
  }
}

}  // namespace

Findings judge_engine(const json& info, const std::map<std::string, std::string>& classes) {
  Findings findings = {judge_live_restore(info), judge_storage(info), judge_cgroups(info),
                       judge_seccomp(info),      judge_module(info),  judge_users(info),
                       judge_logs(info)};
  judge_classes(info, classes, findings);
  return findings;
}

}  // namespace slipway::cli

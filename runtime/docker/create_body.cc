#include "runtime/docker/create_body.h"

#include <openssl/evp.h>

#include <array>

namespace slipway::runtime {
namespace {

using nlohmann::json;

json environment(const ContainerSpec& spec) {
  json env = json::array();
  env.push_back("HOME=/tmp");
  for (const auto& [name, value] : spec.env) env.push_back(name + "=" + value);
  // The contract's own names come last: the engine lets the last one win.
  env.push_back("SLIPWAY_EXECUTION_ID=" + spec.ref.execution);
  env.push_back("SLIPWAY_ATTEMPT=" + std::to_string(spec.ref.attempt));
  if (!spec.traceparent.empty()) env.push_back("TRACEPARENT=" + spec.traceparent);
  // A spec that is only compared with what exists may come without its input.
  if (!spec.input.empty() && spec.input.size() <= kInputDataMax) env.push_back("INPUT_DATA=" + spec.input);
  return env;
}

json ulimit(const char* name, std::int64_t value) {
  return {{"Name", name}, {"Soft", value}, {"Hard", value}};
}

json mount(const IoBinding& io, const std::string& source, const char* target, bool read_only) {
  json entry = {{"Type", io.volumes ? "volume" : "bind"}, {"Source", source}, {"Target", target}};
  if (read_only) entry["ReadOnly"] = true;
  if (io.volumes) entry["VolumeOptions"] = {{"NoCopy", true}};
  return entry;
}

/// A file in /output or /tmp can be no larger than the file system it is in.
std::int64_t largest_file(const Limits& limits) { return std::max(limits.output, limits.scratch); }

/// An OCI runtime may give the mount the mode of the image's own /tmp: whoever owns it can write there all
/// the same.
std::string scratch_options(const ContainerSpec& spec) {
  return "rw,nosuid,nodev,noexec,mode=1777,uid=" + std::to_string(spec.user) +
         ",gid=" + std::to_string(spec.group) + ",size=" + std::to_string(spec.limits.scratch) +
         ",nr_inodes=" + std::to_string(kOutputInodes * 4);
}

json log_config(const Limits& limits) {
  return {{"Type", "local"},
          {"Config",
           {{"max-size", std::to_string(limits.logs)},
            {"max-file", std::to_string(kLogFiles)},
            {"compress", "false"},
            {"mode", "blocking"}}}};
}

json host_config(const ContainerSpec& spec, const NodeBinding& node) {
  const Limits& limits = spec.limits;
  json host = {{"NetworkMode", "none"},
               {"Memory", limits.memory},
               {"MemorySwap", limits.memory},
               {"NanoCpus", limits.cpu_millicores * 1'000'000},
               {"PidsLimit", limits.pids},
               {"OomKillDisable", false},
               {"Privileged", false},
               {"CapDrop", json::array({"ALL"})},
               {"SecurityOpt", json::array({"no-new-privileges"})},
               {"ReadonlyRootfs", true},
               {"IpcMode", "private"},
               {"AutoRemove", false},
               {"Tmpfs", {{"/tmp", scratch_options(spec)}}},
               {"Ulimits", json::array({ulimit("core", 0), ulimit("nofile", 1024),
                                        ulimit("fsize", largest_file(limits))})},
               {"LogConfig", log_config(limits)},
               {"CgroupParent", node.cgroup_parent},
               {"Mounts", json::array({mount(node.io, node.io.input, "/input", true),
                                       mount(node.io, node.io.output, "/output", false)})}};
  if (!node.runtime.empty()) host["Runtime"] = node.runtime;
  return host;
}

void feed(EVP_MD_CTX* digest, std::string_view field) {
  const std::string length = std::to_string(field.size()) + ":";  // so that no two lists of fields hash alike
  EVP_DigestUpdate(digest, length.data(), length.size());
  EVP_DigestUpdate(digest, field.data(), field.size());
}

std::string hex(const unsigned char* bytes, unsigned length) {
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

}  // namespace

json labels_of(const AttemptRef& ref, const std::string& instance_id) {
  return {{std::string(kLabelInstance), instance_id},
          {std::string(kLabelExecution), ref.execution},
          {std::string(kLabelAttempt), std::to_string(ref.attempt)},
          {std::string(kLabelClaim), ref.claim}};
}

json create_body(const ContainerSpec& spec, const NodeBinding& node) {
  json labels = labels_of(spec.ref, node.instance_id);
  labels[std::string(kLabelSpec)] = spec_hash(spec);
  labels[std::string(kLabelIo)] = node.io.volumes ? "volume" : "mount";
  json body = {{"Image", spec.image_id},
               {"User", std::to_string(spec.user) + ":" + std::to_string(spec.group)},
               {"Env", environment(spec)},
               {"NetworkDisabled", true},
               {"Labels", std::move(labels)},
               {"Healthcheck", {{"Test", json::array({"NONE"})}}},
               {"StopSignal", "SIGTERM"},
               {"StopTimeout", node.stop_timeout_seconds},
               {"HostConfig", host_config(spec, node)}};
  // Absent fields leave the image's own; an entrypoint without Cmd drops the image's arguments, as Kubernetes
  // does.
  if (!spec.command.empty()) body["Entrypoint"] = spec.command;
  if (!spec.args.empty()) body["Cmd"] = spec.args;
  return body;
}

std::string spec_hash(const ContainerSpec& spec) {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  const Limits& limits = spec.limits;
  feed(digest.get(), spec.image_id);
  feed(digest.get(), std::to_string(spec.command.size()));
  for (const std::string& word : spec.command) feed(digest.get(), word);
  feed(digest.get(), std::to_string(spec.args.size()));
  for (const std::string& word : spec.args) feed(digest.get(), word);
  feed(digest.get(), std::to_string(spec.env.size()));
  for (const auto& [name, value] : spec.env) feed(digest.get(), name), feed(digest.get(), value);
  for (std::int64_t limit : {limits.cpu_millicores, limits.memory, limits.pids, limits.output, limits.scratch,
                             limits.logs, std::int64_t{spec.user}, std::int64_t{spec.group}}) {
    feed(digest.get(), std::to_string(limit));
  }
  feed(digest.get(), spec.runtime_class);
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned length = 0;
  EVP_DigestFinal_ex(digest.get(), sum.data(), &length);
  return hex(sum.data(), length);
}

}  // namespace slipway::runtime

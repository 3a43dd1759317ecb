#pragma once

#include <chrono>
#include <map>
#include <string>
#include <variant>

#include "api/policy.h"
#include "api/result.h"
#include "logging/log.h"

namespace slipway {

/// Everything slipwayd can be told. A flag beats SLIPWAY_*, which beats the file, which beats what stands
/// here.
struct Config {
  std::string database_url;
  std::string database_listen_url;  ///< where a pooler stands between; empty: database_url
  std::string engine_socket = "/run/docker.sock";
  std::string engine_pid_file = "/run/docker.pid";  ///< who the engine is where a proxy answers on its socket
  std::string engine_io = "auto";                   ///< auto, mount or volume
  std::map<std::string, std::string> engine_runtimes;
  std::string registry_auth;  ///< path of a docker config.json
  std::string state_dir = "/var/lib/slipway";
  std::string node_name;  ///< empty: the kept one, else the host's
  int node_slots = 0;     ///< running at once; 0: 4 × cores
  int node_starts = 0;    ///< creates and starts in flight; 0: 2 × cores
  std::string http_host = "127.0.0.1";
  int http_port = 8320;
  std::string http_certificate;  ///< PEM files; both or neither
  std::string http_key;
  Policy policy;  ///< what agents may be here
  std::chrono::milliseconds lease{15000};
  std::chrono::milliseconds resync{10000};
  std::chrono::milliseconds start_patience{60000};
  std::chrono::milliseconds engine_patience{90000};
  std::chrono::milliseconds pull_timeout{600000};
  std::chrono::milliseconds startup_timeout{30000};
  logging::Level log_level = logging::Level::Info;
  bool operator==(const Config&) const = default;
};

/// What the command line asked for instead of a run: a text for stdout and the exit code.
struct Printed {
  std::string text;
  int exit_code = 0;
};

/// Reads flags, environment and file. Invalid: one line saying where (flag, variable, or file and key), what,
/// and what was expected.
Result<std::variant<Config, Printed>> read_config(int argc, const char* const* argv);

}  // namespace slipway

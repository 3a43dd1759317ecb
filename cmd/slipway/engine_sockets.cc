#include "cmd/slipway/engine_sockets.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace slipway::cli {

Result<std::vector<std::string>> engine_sockets() {
  if (const char* host = std::getenv("DOCKER_HOST"); host != nullptr && *host != '\0') {
    const std::string text(host);
    if (!text.starts_with("unix://")) {
      return Error{ErrorClass::Invalid,
                   "DOCKER_HOST is " + text + ": expected a local socket such as unix:///run/docker.sock"};
    }
    return std::vector<std::string>{text.substr(7)};
  }
  std::vector<std::string> sockets;
  const char* runtime_dir = std::getenv("XDG_RUNTIME_DIR");
  const auto base = runtime_dir != nullptr && *runtime_dir != '\0'
                        ? std::string(runtime_dir)
                        : "/run/user/" + std::to_string(::getuid());
  if (std::error_code ignored; std::filesystem::exists(base + "/docker.sock", ignored)) {
    sockets.push_back(base + "/docker.sock");
  }
  sockets.emplace_back("/var/run/docker.sock");
  return sockets;
}

}  // namespace slipway::cli

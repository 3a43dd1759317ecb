#pragma once

#include <string>
#include <vector>

#include "api/result.h"

namespace slipway::cli {

/// Where a container engine may listen, in the order they are tried: DOCKER_HOST alone if it is set, else the
/// rootless socket, else the usual one. Invalid: DOCKER_HOST names something that is not a local socket.
Result<std::vector<std::string>> engine_sockets();

}  // namespace slipway::cli

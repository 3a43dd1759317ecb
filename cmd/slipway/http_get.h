#pragma once

#include <chrono>
#include <string>

#include "api/result.h"

namespace slipway::cli {

struct HttpAnswer {
  int status = 0;
  std::string body;  ///< at most 64 KiB
};

/// One GET, blocking, ended by the deadline. NotFound: no such socket; Unsupported: no permission to open it;
/// Retry: nobody listens or the answer did not come.
Result<HttpAnswer> get_over_unix(const std::string& socket, const std::string& path,
                                 std::chrono::milliseconds timeout);
Result<HttpAnswer> get_over_tcp(int port, const std::string& path,
                                std::chrono::milliseconds timeout);  ///< 127.0.0.1

/// The process that listens on this socket, or has made it listen; 0: nobody.
int peer_of_unix(const std::string& socket);

/// Why the engine behind this socket cannot be used and what to do, or nothing when it answers.
std::string engine_problem(const std::string& socket);

}  // namespace slipway::cli

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace slipway::test {

/// Debian's pgbouncer before a server that listens on a port of 127.0.0.1: transaction mode, two sessions of
/// the server for everybody, each client passes as `postgres`. Ended and removed with the object. As root it
/// runs as `nobody`. Failures throw std::runtime_error.
class PgBouncer {
 public:
  explicit PgBouncer(int server_port);
  ~PgBouncer();
  PgBouncer(const PgBouncer&) = delete;
  PgBouncer& operator=(const PgBouncer&) = delete;

  std::string url(const std::string& database) const;

 private:
  bool answers() const;

  std::filesystem::path directory_;
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace slipway::test

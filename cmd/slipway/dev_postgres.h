#pragma once

#include <memory>
#include <string>

#include "api/result.h"
#include "cmd/slipway/child_process.h"

namespace slipway::cli {

/// Where a private PostgreSQL lives.
struct DevPostgresPlace {
  std::string data;     ///< its data directory; made and initialised when it is empty
  std::string sockets;  ///< its 0700 socket directory
  std::string log;
  bool durable = false;  ///< the data is kept, so commits must survive a crash of the host
};

/// A private PostgreSQL of the system's newest server binaries, `trust` behind its socket directory, no TCP.
/// As root it runs as `postgres`, else `nobody`.
class DevPostgres {
 public:
  static Result<std::unique_ptr<DevPostgres>> start(const DevPostgresPlace& place);
  std::string url() const { return "postgresql://postgres@/postgres?host=" + sockets_; }
  ChildProcess& process() { return process_; }
  void stop();

 private:
  DevPostgres(std::string sockets, ChildProcess process)
      : sockets_(std::move(sockets)), process_(std::move(process)) {}
  std::string sockets_;
  ChildProcess process_;
};

}  // namespace slipway::cli

#pragma once

#include <memory>
#include <string>

#include "api/result.h"
#include "cmd/slipway/child_process.h"
#include "cmd/slipway/dev_engine.h"
#include "cmd/slipway/dev_postgres.h"
#include "cmd/slipway/stop_signals.h"

namespace slipway::cli {

struct DevOptions {
  std::string database_url;     ///< empty: a private PostgreSQL
  std::string engine = "auto";  ///< auto, private, or a socket's path
  std::string data_dir;         ///< empty: everything is ephemeral
  std::string info_file;
  int http_port = 0;  ///< 0: 8320, or a free one if that is taken
  std::string node_name = "dev";
  std::string engine_io = "auto";
};

/// Everything `slipway dev` starts, in order: directory, database, schema, engine, daemon; and its end, in
/// reverse.
class DevEnvironment {
 public:
  explicit DevEnvironment(DevOptions options) : options_(std::move(options)) {}
  ~DevEnvironment() { stop(); }
  DevEnvironment(const DevEnvironment&) = delete;
  DevEnvironment& operator=(const DevEnvironment&) = delete;

  /// Between the steps a stop signal ends it with class Conflict.
  Result<void> start(StopSignals& signals);
  /// Watches the children until a stop signal (success) or until one has died (Retry, with its last words).
  Result<void> watch(StopSignals& signals);
  /// Drains (unless containers are to be adopted at the next start), stops what was started, removes what was
  /// made.
  void stop();

  std::string summary() const;           ///< for people
  Result<void> write_info_file() const;  ///< for scripts

 private:
  Result<void> make_directories();
  Result<void> start_database();
  Result<void> find_engine();
  Result<void> start_private_engine();
  Result<void> start_daemon();
  std::vector<ChildProcess*> children();
  bool detaches() const;
  std::string trial() const;
  void drain();
  void remove_traces();

  DevOptions options_;
  std::string directory_;  ///< ephemeral, below /tmp: sockets, and without a data directory everything
  std::string data_;       ///< the data directory, or directory_
  std::string database_url_;
  std::string engine_socket_;
  int port_ = 0;
  bool had_docker_cgroup_ = true;
  std::unique_ptr<DevPostgres> postgres_;
  std::unique_ptr<DevEngine> engine_;
  std::optional<ChildProcess> daemon_;
};

}  // namespace slipway::cli

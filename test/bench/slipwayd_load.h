#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace slipway::bench {

/// What slipwayd is started with.
struct DaemonSetup {
  std::filesystem::path program;
  std::string database_url;
  std::string engine_socket;
  std::filesystem::path state_dir;
  int starts = 4;
  int slots = 8;
};

/// A slipwayd of its own process on a migrated database, with one agent "trivial"; everything goes through
/// SQL. Throws on failure, with the end of the daemon's log.
class DaemonUnderLoad {
 public:
  DaemonUnderLoad(const DaemonSetup& setup, const std::string& image);
  ~DaemonUnderLoad();  ///< TERM, then waits

  /// Inserts `count` rows at once; executions per second until the last one is final and removed.
  double throughput(int count);
  /// Milliseconds from INSERT to the final row, one at a time, each begun when nothing of the last one is
  /// left.
  std::vector<double> latencies(int count);
  pid_t pid() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::bench

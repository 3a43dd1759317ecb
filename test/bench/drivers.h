#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/agent.h"
#include "test/bench/engine_client.h"

namespace slipway::bench {

/// Where the drivers work: the same engine and image for all.
struct Ground {
  std::string socket;
  std::string image_id;
  std::string runtime;            ///< empty: the engine's default
  std::filesystem::path scratch;  ///< a tmpfs of ours; inputs and outputs lie beneath it
  std::string cgroup_parent;      ///< the floor's containers live beneath it
};

/// The limits every bench execution runs under; the agent's row names the same ones.
Limits bench_limits();

/// Makes one execution after another on the calling thread: returns when its result is in hand.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual void run_one() = 0;
};

/// Removes containers away from the critical path, as slipwayd does.
class Remover {
 public:
  Remover(const Ground& ground, int threads);
  ~Remover();  ///< waits until all are gone
  struct Leftover {
    std::string container_id;
    std::filesystem::path directory;
    std::string cgroup;
  };
  void add(Leftover leftover);

 private:
  void work();
  const Ground& ground_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Leftover> waiting_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

/// The least an engine has to do for one execution under the full sandbox: slipwayd's own create body, result
/// by a bound tmpfs, output attached and wait armed before the start, removal elsewhere.
std::unique_ptr<Driver> floor_driver(const Ground& ground, Remover& remover);

/// What one writes first: network mode none alone, start, wait, result by an archive call, logs, removal, one
/// after the other.
std::unique_ptr<Driver> naive_driver(const Ground& ground);

/// The body the floor creates its containers with; what a test compares with slipwayd's.
std::string floor_body(const Ground& ground, const std::string& name);

/// `count` executions, `in_flight` at a time; executions per second until the last one is done and removed.
double floor_throughput(const Ground& ground, int count, int in_flight);
double naive_throughput(const Ground& ground, int count, int in_flight);
/// Milliseconds each, one at a time on an idle engine.
std::vector<double> floor_latencies(const Ground& ground, int count);

}  // namespace slipway::bench

#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "node/node.h"
#include "runtime/simulated/simulated_runtime.h"
#include "store/memory/memory_store.h"
#include "test/support/simulation/faults.h"
#include "test/support/simulation/intercepted_runtime.h"
#include "test/support/simulation/intercepted_store.h"
#include "test/support/simulation/virtual_timers.h"

namespace slipway::simulation {

/// Two nodes differ in name and instance.
inline node::Settings default_node() {
  node::Settings settings;
  settings.name = "node-a";
  settings.instance_id = "instance-a";
  settings.version = "simulated";
  settings.slots = 8;
  settings.starts = 4;
  return settings;
}

/// One life of slipwayd on a simulated database and engine: the real controllers and reconcilers, wired as
/// slipwayd wires them. Destroying it is kill -9: nothing that was waiting ever goes on.
class NodeProcess {
 public:
  NodeProcess(node::Settings settings, store::MemoryDatabase& db, runtime::SimulatedEngine& engine,
              FaultLine& line, std::uint64_t seed);
  ~NodeProcess();
  NodeProcess(const NodeProcess&) = delete;
  NodeProcess& operator=(const NodeProcess&) = delete;

  /// Runs one ready handler; false: there was none.
  bool step();
  /// Its name was taken over, and it has stopped by itself.
  bool ended() const { return ended_; }
  const node::Node& node() const { return node_; }
  node::Node& node() { return node_; }
  int slots_used() const { return node_.slots().used(); }

 private:
  boost::asio::awaitable<void> open();
  template <class Call>
  boost::asio::awaitable<bool> until_it_answers(Call call);
  void end();
  controller::Random random();
  node::Parts parts();
  node::Hooks hooks(runtime::SimulatedEngine& engine);

  runtime::VirtualClock& clock_;
  std::mt19937_64 dice_;
  std::unique_ptr<boost::asio::io_context> io_ = std::make_unique<boost::asio::io_context>();
  Interceptor interceptor_;
  VirtualTimers timers_{clock_};
  store::MemoryStore inner_store_;
  runtime::SimulatedRuntime inner_runtime_;
  InterceptedStore store_;
  InterceptedRuntime runtime_;
  runtime::VirtualSleep sleep_;
  reconcilers::ExecutionProbe probe_;
  admission::Contracts contracts_;
  node::Node node_;
  bool ended_ = false;
};

}  // namespace slipway::simulation

#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "controller/controller.h"
#include "reconcilers/execution/claimer.h"
#include "reconcilers/execution/deadline_guard.h"
#include "reconcilers/execution/execution_reconciler.h"
#include "reconcilers/execution/log_followers.h"
#include "reconcilers/images/image_reconciler.h"
#include "reconcilers/node_state.h"
#include "reconcilers/nodes/node_reconciler.h"
#include "reconcilers/orphans/orphan_reconciler.h"
#include "reconcilers/retention/retention_reconciler.h"
#include "reconcilers/statistics/statistics_reconciler.h"
#include "runtime/simulated/simulated_runtime.h"
#include "store/memory/memory_store.h"
#include "test/support/simulation/faults.h"
#include "test/support/simulation/intercepted_runtime.h"
#include "test/support/simulation/intercepted_store.h"
#include "test/support/simulation/virtual_timers.h"

namespace slipway::simulation {

struct NodeOptions {
  std::string name = "node-a";
  std::string instance = "instance-a";
  int slots = 8;
  int starts = 4;
  Duration lease = std::chrono::seconds(15);
  Duration resync = std::chrono::seconds(10);
};

/// One life of slipwayd on a simulated database and engine: the real controllers and reconcilers, wired as
/// cmd/slipwayd wires them. Destroying it is kill -9: nothing that was waiting ever goes on.
class NodeProcess {
 public:
  NodeProcess(NodeOptions options, store::MemoryDatabase& db, runtime::SimulatedEngine& engine,
              FaultLine& line, std::uint64_t seed);
  ~NodeProcess();
  NodeProcess(const NodeProcess&) = delete;
  NodeProcess& operator=(const NodeProcess&) = delete;

  /// Runs one ready handler; false: there was none.
  bool step();
  /// Its name was taken over, and it has stopped by itself.
  bool ended() const { return ended_; }
  int slots_used() const { return slots_.used(); }

 private:
  boost::asio::awaitable<void> open();
  template <class Call>
  boost::asio::awaitable<bool> until_it_answers(Call call);
  void start_loops();
  void end();
  controller::Controller& add_loop(const std::string& name, controller::Reconciler& reconciler, int workers);
  controller::Random random();
  store::NodeReport report() const;
  void look_at(const ExecutionId& id) { execution_loop_->enqueue(id); }

  NodeOptions options_;
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
  runtime::Capabilities capabilities_;
  reconcilers::ExecutionProbe probe_;
  EngineIdentity engine_;

  reconcilers::Lease lease_{clock_};
  reconcilers::Slots slots_;
  reconcilers::StartGate gate_;
  reconcilers::ImageTable images_{clock_};
  reconcilers::DeadlineGuard deadlines_;
  reconcilers::LogFollowers logs_;
  admission::Contracts contracts_;
  reconcilers::ExecutionReconciler executions_;
  reconcilers::Claimer claims_;
  reconcilers::ImageReconciler pulls_;
  reconcilers::OrphanReconciler orphans_;
  reconcilers::NodeReconciler node_;
  reconcilers::RetentionReconciler retention_;
  reconcilers::StatisticsReconciler statistics_;

  std::vector<std::unique_ptr<controller::Controller>> loops_;
  controller::Controller* execution_loop_ = nullptr;
  controller::Controller* claim_loop_ = nullptr;
  controller::Controller* image_loop_ = nullptr;
  controller::Controller* orphan_loop_ = nullptr;
  bool ended_ = false;
};

}  // namespace slipway::simulation

#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/controller.h"
#include "reconcilers/execution/claimer.h"
#include "reconcilers/execution/deadline_guard.h"
#include "reconcilers/execution/execution_reconciler.h"
#include "reconcilers/execution/log_followers.h"
#include "reconcilers/images/image_reconciler.h"
#include "reconcilers/node_health.h"
#include "reconcilers/node_state.h"
#include "reconcilers/nodes/node_reconciler.h"
#include "reconcilers/orphans/orphan_reconciler.h"
#include "reconcilers/retention/retention_reconciler.h"
#include "reconcilers/statistics/statistics_reconciler.h"

namespace slipway::node {

namespace asio = boost::asio;

struct Settings {
  std::string name;         ///< unique in the cluster
  std::string instance_id;  ///< on every container's labels
  std::string version;
  int slots = 0;   ///< containers at once
  int starts = 0;  ///< creates and starts under way at once
  Duration lease = std::chrono::seconds(15);
  Duration resync = std::chrono::seconds(10);
  Duration start_patience = std::chrono::seconds(60);  ///< how long a claim may stand unstarted
  /// How long the engine may answer about others and not about one container.
  Duration engine_patience = std::chrono::seconds(90);
  Policy policy;
};

/// What a node works with; each outlives it.
struct Parts {
  store::Store& store;
  runtime::ContainerRuntime& runtime;
  const Clock& clock;
  controller::Timers& timers;
  asio::any_io_executor io;    ///< one thread: every coroutine of the node runs there
  asio::any_io_executor pool;  ///< for work that must not hold up the loop (the same as `io` in a simulation)
  std::function<controller::Random()> random;  ///< a source for one owner
  reconcilers::ExecutionProbe& executions;
  admission::Contracts& contracts;
};

/// What keeps a loop from getting anywhere, in words for an operator: of the loop, never of strangers.
struct Trouble {
  std::string loop;
  std::string what;    ///< "no pass has succeeded for 42 s (retry)", "start of … has lasted 95 s"
  bool stops = false;  ///< nothing new is accepted, started or heard of because of it
};

/// What a node tells of itself. Each is called on the io thread.
struct Hooks {
  std::function<controller::ControllerProbe*(const std::string& loop)> probe_of;  ///< null: nobody counts
  std::function<bool()> engine_answers;  ///< whether the engine's last answer came at all
  std::function<void(TimePoint database_now, Duration round_trip)> on_time;
  std::function<void()> on_taken_over;  ///< another process has the node's name: end this one
  std::function<void()> on_lease_lost;
  std::function<void(const store::Totals&, Duration until)> on_totals;
  std::function<void(Duration took)> on_pull;
  std::function<void(int)> on_orphans;
};

/// One node: its loops and what they share. Opened in four steps, each of which may be repeated until it
/// answers: probe, register_node, adopt, start.
class Node {
 public:
  Node(Settings settings, Parts parts, Hooks hooks);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  asio::awaitable<Result<void>> probe();
  asio::awaitable<Result<void>> register_node();
  /// What an earlier process left holds its slots before anything new is claimed.
  asio::awaitable<Result<void>> adopt();
  void start();

  /// Takes no more keys; what is being reconciled goes on. idle() tells when it has ended.
  void stop();
  bool idle() const;
  /// What an operator asks for: images that have cost slots may try again.
  void lift_quarantine() { images_.lift_quarantine(); }

  /// Holds its lease, its engine answers, and its loops get somewhere.
  bool ready() const;
  /// Told, and asked by nobody who decides: a claim does not wait for it.
  std::vector<Trouble> troubles() const;
  const runtime::Capabilities& capabilities() const { return capabilities_; }
  const reconcilers::Lease& lease() const { return lease_; }
  const reconcilers::NodeHealth& health() const { return health_; }
  const reconcilers::Slots& slots() const { return slots_; }
  /// When the last heartbeat was tried (monotonic), whatever came of it.
  Duration heartbeat_tried_at() const { return heartbeat_tried_at_; }
  const std::vector<std::unique_ptr<controller::Controller>>& loops() const { return loops_; }

 private:
  controller::Controller& add_loop(const std::string& name, controller::Reconciler& reconciler, int workers);
  void look_at(const ExecutionId& id) { execution_loop_->enqueue(id); }
  void look_for_work();
  void resync();
  void on_store_hint(const store::Hint& hint);
  void on_engine(const EngineIdentity& engine);
  asio::awaitable<void> reprobe();
  store::NodeReport report();

  Settings settings_;
  Parts parts_;
  Hooks hooks_;
  runtime::Capabilities capabilities_;
  EngineIdentity engine_;
  bool probing_ = false;
  Duration heartbeat_tried_at_{0};
  std::vector<ExecutionId> adopted_;

  reconcilers::Lease lease_;
  reconcilers::NodeHealth health_;
  reconcilers::Slots slots_;
  reconcilers::StartGate gate_;
  reconcilers::ImageTable images_;
  reconcilers::DeadlineGuard deadlines_;
  reconcilers::LogFollowers logs_;
  reconcilers::ExecutionReconciler executions_;
  reconcilers::Claimer claims_;
  reconcilers::ImageReconciler image_answers_;
  reconcilers::ImageFetcher pulls_;
  reconcilers::OrphanReconciler orphans_;
  reconcilers::NodeReconciler node_;
  reconcilers::RetentionReconciler retention_;
  reconcilers::StatisticsReconciler statistics_;

  std::vector<std::unique_ptr<controller::Controller>> loops_;
  controller::Controller* execution_loop_ = nullptr;
  controller::Controller* claim_loop_ = nullptr;
  controller::Controller* image_loop_ = nullptr;
  controller::Controller* pull_loop_ = nullptr;
  controller::Controller* orphan_loop_ = nullptr;
};

}  // namespace slipway::node

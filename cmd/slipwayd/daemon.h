#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <optional>

#include "cmd/slipwayd/config.h"
#include "cmd/slipwayd/http_door.h"
#include "cmd/slipwayd/identity.h"
#include "cmd/slipwayd/probes.h"
#include "cmd/slipwayd/service_manager.h"
#include "controller/controller.h"
#include "controller/database_clock.h"
#include "controller/timers.h"
#include "metrics/registry.h"
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
#include "runtime/docker/docker_runtime.h"
#include "store/postgres/migrate.h"
#include "store/postgres/postgres_store.h"

namespace slipway {

namespace asio = boost::asio;

/// The place where concrete classes meet: builds the house, opens it, and closes it.
class Daemon {
 public:
  /// `reread`: the configuration as it stands now, for SIGHUP.
  using Reread = std::function<Result<Config>()>;
  Daemon(Config config, Identity identity, Reread reread);
  ~Daemon();

  /// Runs until it is told to detach (SIGTERM, SIGINT) or its name is taken over. The answer is the exit
  /// code.
  int run();

 private:
  asio::awaitable<void> open();
  asio::awaitable<bool> wait_for_database();
  asio::awaitable<bool> wait_for_engine();
  asio::awaitable<bool> register_node();
  asio::awaitable<bool> adopt_rows();
  template <class Step>
  asio::awaitable<bool> retry(const char* what, Step step);
  asio::awaitable<void> reprobe();
  void start_loops();
  void listen_to_signals();
  void reload();
  void tell_totals(const store::Totals& totals, Duration until);
  void on_store_hint(const store::Hint& hint);
  void on_engine(const EngineIdentity& engine);
  void detach();
  void end(int exit_code);
  store::NodeReport report() const;
  bool ready() const;
  server::Response readyz() const;
  server::Response metrics_page();

  controller::Controller& add_loop(const std::string& name, controller::Reconciler& reconciler, int workers);

  Config config_;
  Identity identity_;
  Reread reread_;
  boost::asio::io_context io_{1};
  ServiceManager service_;
  Duration heartbeat_tried_at_{0};
  boost::asio::thread_pool pool_;
  metrics::Registry registry_;
  CountEngine count_engine_{registry_};
  CountExecutions count_executions_{registry_};
  metrics::Histogram& pull_seconds_;
  metrics::Gauge& orphan_gauge_;
  metrics::Counter& lease_losses_;
  Duration totals_until_{0};  ///< then they are another node's to tell
  controller::DatabaseClock clock_;
  controller::AsioTimers timers_{io_.get_executor(), clock_};
  store::PostgresStore store_;
  runtime::DockerRuntime runtime_;
  runtime::Capabilities capabilities_;
  EngineIdentity engine_;
  bool probing_ = false;
  std::vector<ExecutionId> adopted_;

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

  std::vector<std::unique_ptr<CountController>> loop_probes_;
  std::vector<std::unique_ptr<controller::Controller>> loops_;
  controller::Controller* execution_loop_ = nullptr;
  controller::Controller* claim_loop_ = nullptr;
  controller::Controller* image_loop_ = nullptr;
  controller::Controller* orphan_loop_ = nullptr;

  HttpDoor http_;
  boost::asio::signal_set signals_{io_, SIGTERM, SIGINT, SIGHUP};
  bool open_ = false;
  bool ending_ = false;
  int exit_code_ = 0;
};

}  // namespace slipway

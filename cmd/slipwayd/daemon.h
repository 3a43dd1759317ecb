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
#include "controller/database_clock.h"
#include "controller/timers.h"
#include "metrics/registry.h"
#include "node/node.h"
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
  template <class Step>
  asio::awaitable<bool> retry(const char* what, Step step);
  void listen_to_signals();
  void reload();
  void tell_totals(const store::Totals& totals, Duration until);
  void detach();
  void end(int exit_code);
  bool ready() const;
  server::Response readyz() const;
  server::Response metrics_page();
  node::Settings node_settings() const;
  node::Parts node_parts();
  node::Hooks node_hooks();

  Config config_;
  Identity identity_;
  Reread reread_;
  boost::asio::io_context io_{1};
  ServiceManager service_;
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
  admission::Contracts contracts_;
  std::vector<std::unique_ptr<CountController>> loop_probes_;  ///< in the order of the node's loops
  node::Node node_;

  HttpDoor http_;
  boost::asio::signal_set signals_{io_, SIGTERM, SIGINT, SIGHUP};
  bool open_ = false;
  bool ending_ = false;
  int exit_code_ = 0;
};

}  // namespace slipway

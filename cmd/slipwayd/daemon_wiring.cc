// Which parts the daemon is made of, and how they hear of each other.
#include <random>

#include "cmd/slipwayd/daemon.h"
#include "logging/log.h"

namespace slipway {
namespace {

constexpr int kPoolThreads = 4;

controller::Random random_source() {
  return [engine = std::mt19937_64(std::random_device{}())]() mutable {
    return std::uniform_real_distribution<double>(0, 1)(engine);
  };
}

store::PostgresOptions store_options(const Config& config, const Identity& identity,
                                     metrics::Registry& registry) {
  store::PostgresOptions options;
  options.url = config.database_url;
  options.listen_url = config.database_listen_url;
  options.node_name = identity.node_name();
  options.lease = std::chrono::duration_cast<std::chrono::seconds>(config.lease);
  options.probe = std::make_shared<CountStore>(registry);
  return options;
}

runtime::DockerOptions docker_options(const Config& config, const Identity& identity) {
  runtime::DockerOptions options;
  options.socket_path = config.engine_socket;
  options.pid_file = config.engine_pid_file;
  options.state_dir = config.state_dir;
  options.instance_id = identity.instance_id();
  options.io = config.engine_io == "mount"    ? runtime::IoMode::Mount
               : config.engine_io == "volume" ? runtime::IoMode::Volume
                                              : runtime::IoMode::Auto;
  options.runtime_classes = config.engine_runtimes;
  options.registry_auth = config.registry_auth;
  options.pull_timeout = config.pull_timeout;
  return options;
}

}  // namespace

Daemon::Daemon(Config config, Identity identity, Reread reread)
    : config_(std::move(config)),
      identity_(std::move(identity)),
      reread_(std::move(reread)),
      service_(io_),
      pool_(kPoolThreads),
      pull_seconds_(registry_.histogram("slipway_image_pull_seconds",
                                        "How long making an image present took.", metrics::seconds_coarse())),
      orphan_gauge_(registry_.gauge("slipway_orphan_containers",
                                    "Containers of this node found without a row at the last walk.")),
      lease_losses_(registry_.counter("slipway_lease_lost_total", "How often the node's lease ran out.")),
      store_(store_options(config_, identity_, registry_), io_.get_executor()),
      runtime_(docker_options(config_, identity_), io_.get_executor(), pool_, &count_engine_),
      node_(node_settings(), node_parts(), node_hooks()),
      http_(io_, config_, registry_, contracts_,
            {.now = [this] { return clock_.now(); },
             .readyz = [this] { return readyz(); },
             .metrics = [this] { return metrics_page(); }}) {
  registry_.gauge("slipway_build_info", "Always 1; the version is a label.", {{"version", SLIPWAY_VERSION}})
      .set(1);
}

node::Settings Daemon::node_settings() const {
  return {.name = identity_.node_name(),
          .instance_id = identity_.instance_id(),
          .version = SLIPWAY_VERSION,
          .slots = config_.node_slots,
          .starts = config_.node_starts,
          .lease = config_.lease,
          .resync = config_.resync,
          .start_patience = config_.start_patience,
          .engine_patience = config_.engine_patience,
          .policy = config_.policy};
}

node::Parts Daemon::node_parts() {
  return {.store = store_,
          .runtime = runtime_,
          .clock = clock_,
          .timers = timers_,
          .io = io_.get_executor(),
          .pool = pool_.get_executor(),
          .random = random_source,
          .executions = count_executions_,
          .contracts = contracts_};
}

node::Hooks Daemon::node_hooks() {
  return {.probe_of =
              [this](const std::string& loop) {
                return loop_probes_.emplace_back(std::make_unique<CountController>(registry_, loop)).get();
              },
          .engine_answers = [this] { return count_engine_.reachable(); },
          .on_time = [this](TimePoint now, Duration round_trip) { clock_.adjust(now, round_trip); },
          .on_taken_over =
              [this] {
                logging::error("another slipwayd has taken this node's name; leaving everything to it");
                end(1);
              },
          .on_lease_lost = [this] { lease_losses_.add(); },
          .on_totals = [this](const store::Totals& totals, Duration until) { tell_totals(totals, until); },
          .on_pull =
              [this](Duration took) { pull_seconds_.observe(std::chrono::duration<double>(took).count()); },
          .on_orphans = [this](int count) { orphan_gauge_.set(count); }};
}

}  // namespace slipway

#include "cmd/slipwayd/daemon.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <random>

#include "cmd/slipwayd/cluster_metrics.h"
#include "logging/log.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr int kPoolThreads = 4;
constexpr auto kDetachPatience = 5s;  // what is under way then is found again at the next start
constexpr auto kRetryPause = 250ms;
constexpr auto kStuck = 60s;  // without so much as an attempt at a heartbeat

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

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
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

Daemon::~Daemon() = default;

int Daemon::run() {
  const auto bound = http_.start();
  if (!bound) {
    logging::error(bound.error().message);
    return 1;
  }
  listen_to_signals();
  asio::co_spawn(io_, open(), [this](const std::exception_ptr& failure) {
    if (!failure) return;
    logging::error("start failed");
    end(1);
  });
  io_.run();
  http_.join();
  pool_.join();
  return exit_code_;
}

asio::awaitable<void> Daemon::open() {
  const bool up = co_await wait_for_database() &&
                  co_await retry("engine", [this] { return node_.probe(); }) &&
                  co_await retry("database", [this] { return node_.register_node(); }) &&
                  co_await retry("database", [this] { return node_.adopt(); });
  if (ending_) co_return;
  if (!up) {
    end(1);
    co_return;
  }
  node_.start();
  open_ = true;
  service_.ready("Node " + identity_.node_name() + " runs up to " + std::to_string(config_.node_slots) +
                 " containers.");
  service_.feed_watchdog([this] { return clock_.monotonic() - node_.heartbeat_tried_at() < kStuck; });
  logging::info("ready", {{"node", identity_.node_name()},
                          {"http", config_.http_host + ":" + std::to_string(http_.port())},
                          {"io", node_.capabilities().io_mode},
                          {"engine", node_.capabilities().engine_version},
                          {"slots", std::to_string(config_.node_slots)}});
  if (!node_.capabilities().not_enforceable.empty())
    logging::warn("limits not enforceable", {{"limits", joined(node_.capabilities().not_enforceable)}});
}

/// Repeats a step until it answers, is told that repeating cannot help, or the start-up time is over.
template <class Step>
asio::awaitable<bool> Daemon::retry(const char* what, Step step) {
  const auto give_up = clock_.monotonic() + config_.startup_timeout;
  asio::steady_timer pause(io_);
  bool told = false;
  while (!ending_) {
    const Result<void> done = co_await step();
    if (done) co_return true;
    const auto& error = done.error();
    const bool hopeless =
        error.error_class == ErrorClass::Invalid || error.error_class == ErrorClass::Unsupported;
    if (hopeless || clock_.monotonic() >= give_up) {
      logging::error(std::string(what) + (hopeless ? " cannot be used" : " did not answer in time"),
                     {{"error", error.message}});
      co_return false;
    }
    if (!told) logging::warn(std::string("waiting for the ") + what, {{"error", error.message}});
    told = true;
    pause.expires_after(kRetryPause);
    boost::system::error_code ignored;
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return false;
}

asio::awaitable<bool> Daemon::wait_for_database() {
  co_return co_await retry("database", [this]() -> asio::awaitable<Result<void>> {
    const auto schema = store::postgres::check_schema(config_.database_url);  // blocks; nothing else runs yet
    if (!schema) co_return schema.error();
    if (schema->verdict != store::postgres::SchemaCheck::Verdict::Fits)
      co_return Error{ErrorClass::Unsupported, schema->message};
    co_return co_await store_.hold_name();
  });
}

void Daemon::listen_to_signals() {
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    if (number != SIGHUP) return detach();
    reload();
    listen_to_signals();
  });
}

/// What can be changed while it runs is; of the rest it is said that it waits for a restart.
void Daemon::reload() {
  auto fresh = reread_();
  if (!fresh) {
    logging::error("configuration not reloaded", {{"error", fresh.error().message}});
    return;
  }
  config_.log_level = fresh->log_level;
  logging::set_level(config_.log_level);
  logging::info("configuration reloaded", {{"log_level", logging::name_of(config_.log_level)}});
  if (*fresh != config_) logging::warn("settings other than log.level have changed: they need a restart");
}

void Daemon::tell_totals(const store::Totals& totals, Duration until) {
  totals_until_ = totals.ours_to_tell ? until : Duration{0};
  registry_.publish(totals.ours_to_tell ? families_of(totals) : std::vector<metrics::Family>{});
}

/// Containers keep running and are adopted at the next start.
void Daemon::detach() {
  logging::info("detaching: containers keep running");
  service_.stopping();
  http_.stop();
  node_.stop();
  const auto give_up = clock_.monotonic() + kDetachPatience;
  asio::co_spawn(
      io_,
      [this, give_up]() -> asio::awaitable<void> {
        asio::steady_timer pause(io_);
        while ((http_.busy() || !node_.idle()) && clock_.monotonic() < give_up) {
          pause.expires_after(10ms);
          co_await pause.async_wait(asio::use_awaitable);
        }
        end(0);
      },
      [](const std::exception_ptr&) {});
}

void Daemon::end(int exit_code) {
  if (ending_) return;
  ending_ = true;
  exit_code_ = exit_code;
  node_.stop();
  runtime_.unwatch();
  store_.unwatch();
  http_.stop();
  io_.stop();
}

bool Daemon::ready() const { return open_ && !ending_ && node_.ready(); }

server::Response Daemon::readyz() const {
  nlohmann::json troubles = nlohmann::json::array();
  for (const auto& trouble : node_.troubles())
    troubles.push_back({{"loop", trouble.loop}, {"what", trouble.what}, {"stops", trouble.stops}});
  const nlohmann::json body = {{"ready", ready()},
                               {"started", open_},
                               {"database", node_.lease().held()},
                               {"engine", node_.health().engine_answers()},
                               {"storage", node_.health().storage_has_room()},
                               {"io", node_.capabilities().io_mode},
                               {"troubles", std::move(troubles)}};
  return {.status = ready() ? 200 : 503,
          .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

server::Response Daemon::metrics_page() {
  registry_.gauge("slipway_node_ready", "1 while this node can run executions.").set(ready() ? 1 : 0);
  registry_.gauge("slipway_node_slots", "Containers this node may run at once.")
      .set(node_.slots().capacity());
  registry_.gauge("slipway_node_slots_used", "Slots in use.").set(node_.slots().used());
  registry_.gauge("slipway_node_slots_lost", "Slots whose container the engine does not answer about.")
      .set(node_.slots().lost());
  for (std::size_t i = 0; i < node_.loops().size(); ++i) loop_probes_[i]->look(*node_.loops()[i]);
  if (clock_.monotonic() >= totals_until_) registry_.publish({});
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = registry_.text()};
}

}  // namespace slipway

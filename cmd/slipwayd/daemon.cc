#include "cmd/slipwayd/daemon.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "logging/log.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr auto kDetachPatience = 5s;  // what is under way then is found again at the next start
constexpr auto kRetryPause = 250ms;
constexpr auto kStuck = 60s;  // without so much as an attempt at a heartbeat

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

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
  node_.lift_quarantine();
  config_.log_level = fresh->log_level;
  logging::set_level(config_.log_level);
  logging::info("configuration reloaded", {{"log_level", logging::name_of(config_.log_level)}});
  if (*fresh != config_) logging::warn("settings other than log.level have changed: they need a restart");
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

}  // namespace slipway

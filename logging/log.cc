#include "logging/log.h"

#include <spdlog/async.h>
#include <spdlog/fmt/chrono.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

namespace slipway::logging {
namespace {

constexpr std::size_t kQueueLines = 8192;

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance;
  return instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::Debug:
      return spdlog::level::debug;
    case Level::Info:
      return spdlog::level::info;
    case Level::Warn:
      return spdlog::level::warn;
    case Level::Error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

void write(Level level, std::string_view message, Fields fields) {
  const auto& sink = logger();
  if (!sink || !sink->should_log(to_spdlog(level))) return;
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  nlohmann::ordered_json line;
  line["at"] = fmt::format("{:%FT%T}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)))
                   .insert(19, fmt::format(".{:03d}", now.time_since_epoch().count() % 1000));
  line["level"] = name_of(level);
  line["msg"] = message;
  for (const auto& field : fields) {
    if (!field.value.empty()) line[std::string(field.key)] = field.value;
  }
  sink->log(to_spdlog(level), "{}", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

const char* name_of(Level level) {
  switch (level) {
    case Level::Debug:
      return "debug";
    case Level::Info:
      return "info";
    case Level::Warn:
      return "warn";
    case Level::Error:
      return "error";
  }
  return "";
}

void debug(std::string_view message, Fields fields) { write(Level::Debug, message, fields); }
void info(std::string_view message, Fields fields) { write(Level::Info, message, fields); }
void warn(std::string_view message, Fields fields) { write(Level::Warn, message, fields); }
void error(std::string_view message, Fields fields) { write(Level::Error, message, fields); }

void start(Level level) {
  spdlog::init_thread_pool(kQueueLines, 1);
  logger() = spdlog::create_async_nb<spdlog::sinks::stderr_sink_mt>("slipway");
  logger()->set_pattern("%v");
  logger()->set_level(to_spdlog(level));
  spdlog::flush_every(std::chrono::seconds(1));
}

void set_level(Level level) {
  if (logger()) logger()->set_level(to_spdlog(level));
}

void stop() {
  logger().reset();
  spdlog::shutdown();
}

}  // namespace slipway::logging

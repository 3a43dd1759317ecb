#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "runtime/container_runtime.h"

namespace slipway::runtime {

/// What the test wants a container to do; each adapter's harness makes it so.
enum class Work {
  ExitWithResult,  ///< prints "hello\n" on stdout, writes {"answer":42} to result.json, exits 0, all within a
                   ///< second
  ExitThree,       ///< exits 3 at once, without a result
  SleepForever,    ///< writes {"half":true} to result.json, prints "up\n", then sleeps; ends with code 143 on
                   ///< TERM
  IgnoreTerm,      ///< sleeps and ignores TERM
  NoSuchCommand,   ///< the command does not exist in the image
  ResultIsLink,    ///< result.json is a symbolic link, exits 0
  ResultTooLarge,  ///< result.json is larger than limits.output, or as large as the file system lets it;
                   ///< exits 0
};

/// An engine for one test (or a fresh corner of a shared one), and the hands of persons on it.
class RuntimeHarness {
 public:
  virtual ~RuntimeHarness() = default;
  virtual boost::asio::io_context& io() = 0;
  /// A node process's client; several may live at once, all of one instance.
  virtual std::unique_ptr<ContainerRuntime> connect() = 0;
  /// Lets the io_context run and a little time pass (real: some milliseconds; virtual: as it pleases).
  virtual void turn() = 0;
  /// A spec that does `work`, of an execution never used before, with the image present and small limits.
  virtual ContainerSpec spec(Work work) = 0;
  /// A name by which pull() finds a local image, and one that exists nowhere.
  virtual std::string known_image() = 0;
  virtual std::string unknown_image() = 0;
  /// true: mount mode, where the fence exists.
  virtual bool has_fence() = 0;

  /// A container of somebody else's under this name, created and not started.
  virtual void occupy_name(const std::string& name) = 0;
  virtual bool exists(const std::string& name) = 0;
  virtual void person_removes(const std::string& name) = 0;

  /// Runs one call to its end.
  template <class T>
  T run(asio::awaitable<T> call) {
    std::optional<T> answer;
    std::exception_ptr failure;
    asio::co_spawn(io(), std::move(call), [&](std::exception_ptr e, T value) {
      failure = e;
      if (!e) answer.emplace(std::move(value));
    });
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!answer && !failure && std::chrono::steady_clock::now() < limit) turn();
    if (failure) std::rethrow_exception(failure);
    if (!answer) throw std::runtime_error("a runtime call did not end within 60 s");
    return std::move(*answer);
  }

  /// false: not within 20 s.
  bool wait_until(const std::function<bool()>& done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      turn();
    }
    return true;
  }
};

using RuntimeHarnessFactory = std::function<std::unique_ptr<RuntimeHarness>()>;

}  // namespace slipway::runtime

#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <utility>

#include "api/result.h"
#include "test/support/simulation/faults.h"

namespace slipway::simulation {

/// Leads one call of a port through the fault line. `call` makes the awaitable; it may be made and never
/// awaited.
class Interceptor {
 public:
  Interceptor(FaultLine& line, runtime::VirtualClock& clock, boost::asio::any_io_executor executor)
      : line_(line), clock_(clock), executor_(executor), sleep_(clock, executor) {}

  template <class T>
  boost::asio::awaitable<Result<T>> lead(CallPoint point, Duration latency,
                                         std::function<boost::asio::awaitable<Result<T>>()> call) {
    line_.last_verb = point.verb;
    if (latency > Duration{}) co_await sleep_.until(clock_.now() + latency);
    switch (line_.decide(point)) {
      case Fate::Pass:
        co_return co_await call();
      case Fate::CallLost:
        co_return Error{ErrorClass::Retry, "call lost: " + point.verb};
      case Fate::AnswerLost:
        (void)co_await call();
        co_return Error{point.writes ? ErrorClass::Doubt : ErrorClass::Retry, "answer lost: " + point.verb};
      case Fate::Refused:
        co_return Error{ErrorClass::Invalid, "refused: " + point.verb};
      case Fate::DiesBefore:
        break;
      case Fate::DiesDuring:
        boost::asio::co_spawn(executor_, call(), [](std::exception_ptr, Result<T>) {});
        boost::asio::post(executor_, [this] { line_.die(); });
        co_await sleep_.forever();
        break;
      case Fate::DiesAfter:
        (void)co_await call();
        break;
    }
    line_.die();
    co_await sleep_.forever();
    co_return Error{ErrorClass::Retry, "never reached: a dead process is not resumed"};
  }

  void abandon() { sleep_.abandon(); }

 private:
  FaultLine& line_;
  runtime::VirtualClock& clock_;
  boost::asio::any_io_executor executor_;
  runtime::VirtualSleep sleep_;
};

}  // namespace slipway::simulation

#include "runtime/simulated/virtual_sleep.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

namespace slipway::runtime {

namespace asio = boost::asio;

asio::awaitable<void> VirtualSleep::wait(std::optional<TimePoint> due) {
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      [this, due](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        const auto number = next_++;
        sleepers_[number].resume = [shared] { std::move (*shared)(); };
        if (due) sleepers_[number].timer = clock_.at(*due, [this, number] { wake(number); });
      },
      asio::use_awaitable);
}

void VirtualSleep::wake(std::uint64_t number) {
  auto sleeper = sleepers_.extract(number);
  asio::post(executor_, [resume = std::move(sleeper.mapped().resume)] { resume(); });
}

void VirtualSleep::abandon() {
  auto sleepers = std::exchange(sleepers_, {});
  for (const auto& [number, sleeper] : sleepers) {
    if (sleeper.timer != 0) clock_.cancel(sleeper.timer);
  }
}

}  // namespace slipway::runtime

#pragma once

#include <boost/asio/awaitable.hpp>
#include <utility>
#include <vector>

#include "api/result.h"
#include "store/store.h"

namespace slipway::reconcilers {

/// Writes all of `items` by `together`. What is refused for what is in it (ErrorClass::Invalid) is halved
/// down to the one at fault, which goes to `alone`; the others are written. At most two calls an item.
///
/// Any other failure ends it: the answer is then what was written so far, and the failure if that is nothing.
template <class Item, class Together, class Alone>
boost::asio::awaitable<Result<std::vector<store::Step>>> in_halves(std::vector<Item> items, Together together,
                                                                   Alone alone) {
  std::vector<store::Step> done;
  std::vector<std::vector<Item>> left;
  left.push_back(std::move(items));
  while (!left.empty()) {
    const auto part = std::move(left.back());
    left.pop_back();
    auto steps = co_await together(part);
    if (!steps && steps.error().error_class == ErrorClass::Invalid) {
      if (part.size() > 1) {
        const auto middle = part.begin() + std::ssize(part) / 2;
        left.emplace_back(middle, part.end());
        left.emplace_back(part.begin(), middle);
        continue;
      }
      steps = co_await alone(part.front(), steps.error());
    }
    if (!steps && done.empty()) co_return steps.error();
    if (!steps) break;
    done.insert(done.end(), steps->begin(), steps->end());
  }
  co_return done;
}

}  // namespace slipway::reconcilers

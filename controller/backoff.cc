#include "controller/backoff.h"

#include <algorithm>

namespace slipway::controller {

Duration Backoff::next(const Key& key) {
  constexpr int kEnough = 30;  // past any cap; keeps the shift defined
  const int doublings = std::min(failures_[key]++, kEnough);
  const Duration full = std::min(cap_, base_ * (std::int64_t{1} << doublings));
  return full / 2 + Duration{static_cast<Duration::rep>(static_cast<double>(full.count() / 2) * random_())};
}

int Backoff::failures(const Key& key) const {
  const auto found = failures_.find(key);
  return found == failures_.end() ? 0 : found->second;
}

}  // namespace slipway::controller

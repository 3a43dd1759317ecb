#pragma once

#include <nlohmann/json.hpp>
#include <vector>

namespace slipway::samples {

/// What a price series says, oldest price first. Periods shrink to what a short series can carry.
struct Indicators {
  int fast_period = 12;
  int slow_period = 26;
  int rsi_period = 14;
  double ema_fast = 0;
  double ema_slow = 0;
  double rsi = 50;   ///< Wilder's, 0 to 100; 50 when nothing moved
  double trend = 0;  ///< distance of the fast average above the slow one, −1 to 1, full at 2 %
};
/// `prices` holds at least two, all positive.
Indicators indicators_of(const std::vector<double>& prices);

/// {symbol, timeframe, strategy?, prices} → {symbol, timeframe, strategy, signal, score, prices, indicators}.
/// Strategies: "momentum" (default; 0.7 trend + 0.3 RSI), "crossover" (trend alone), "reversal" (against the
/// RSI). A score of 0.25 or more is a buy, −0.25 or less a sell. Throws BadInput.
nlohmann::json momentum(const nlohmann::json& input);

}  // namespace slipway::samples

#include "manifests/samples/momentum/momentum.h"

#include <algorithm>
#include <cmath>

#include "manifests/samples/agent.h"

namespace slipway::samples {
namespace {

constexpr std::size_t kMostPrices = 100'000;
constexpr double kFullTrend = 0.02;
constexpr double kDecided = 0.25;

/// Exponential moving average, begun with the plain average of its first `period` prices.
double ema(const std::vector<double>& prices, int period) {
  double average = 0;
  for (int i = 0; i < period; ++i) average += prices[i] / period;
  const double weight = 2.0 / (period + 1);
  for (std::size_t i = period; i < prices.size(); ++i) average += weight * (prices[i] - average);
  return average;
}

/// Wilder's relative strength index.
double rsi(const std::vector<double>& prices, int period) {
  double gain = 0;
  double loss = 0;
  for (std::size_t i = 1; i < prices.size(); ++i) {
    const double change = prices[i] - prices[i - 1];
    const bool seeding = i <= static_cast<std::size_t>(period);
    const double kept = seeding ? 1.0 : (period - 1.0) / period;
    gain = gain * kept + std::max(change, 0.0) / period;
    loss = loss * kept + std::max(-change, 0.0) / period;
  }
  return gain + loss > 0 ? 100 * gain / (gain + loss) : 50;
}

std::vector<double> prices_of(const nlohmann::json& input) {
  const auto member = input.find("prices");
  if (member == input.end() || !member->is_array())
    throw BadInput("\"prices\" must be an array of numbers, oldest first");
  if (member->size() < 2 || member->size() > kMostPrices)
    throw BadInput("\"prices\" must hold 2 to 100000 numbers");
  std::vector<double> prices;
  for (const auto& price : *member) {
    if (!price.is_number() || !(price.get<double>() > 0) || !std::isfinite(price.get<double>()))
      throw BadInput("price " + std::to_string(prices.size()) + " is not a positive number");
    prices.push_back(price.get<double>());
  }
  return prices;
}

double score_of(const std::string& strategy, const Indicators& seen) {
  const double tilt = (seen.rsi - 50) / 50;
  if (strategy == "momentum") return 0.7 * seen.trend + 0.3 * tilt;
  if (strategy == "crossover") return seen.trend;
  if (strategy == "reversal") return -tilt;
  throw BadInput("\"strategy\" must be momentum, crossover or reversal");
}

const char* signal_of(double score) {
  return score >= kDecided ? "buy" : score <= -kDecided ? "sell" : "hold";
}

}  // namespace

Indicators indicators_of(const std::vector<double>& prices) {
  Indicators seen;
  const int count = static_cast<int>(prices.size());
  seen.slow_period = std::min(seen.slow_period, count);
  seen.fast_period = std::min(seen.fast_period, std::max(1, count / 2));
  seen.rsi_period = std::min(seen.rsi_period, count - 1);
  seen.ema_fast = ema(prices, seen.fast_period);
  seen.ema_slow = ema(prices, seen.slow_period);
  seen.rsi = rsi(prices, seen.rsi_period);
  seen.trend = std::clamp((seen.ema_fast / seen.ema_slow - 1) / kFullTrend, -1.0, 1.0);
  return seen;
}

nlohmann::json momentum(const nlohmann::json& input) {
  const auto symbol = text_member(input, "symbol");
  const auto timeframe = text_member(input, "timeframe");
  const auto strategy = text_member(input, "strategy", "momentum");
  const auto prices = prices_of(input);
  const auto seen = indicators_of(prices);
  const double score = score_of(strategy, seen);
  return {{"symbol", symbol},
          {"timeframe", timeframe},
          {"strategy", strategy},
          {"signal", signal_of(score)},
          {"score", rounded(score)},
          {"prices", prices.size()},
          {"indicators",
           {{"emaFast", rounded(seen.ema_fast)},
            {"emaSlow", rounded(seen.ema_slow)},
            {"fastPeriod", seen.fast_period},
            {"slowPeriod", seen.slow_period},
            {"rsi", rounded(seen.rsi)},
            {"rsiPeriod", seen.rsi_period},
            {"trend", rounded(seen.trend)}}}};
}

}  // namespace slipway::samples

#include "manifests/samples/momentum/momentum.h"

#include <gtest/gtest.h>

#include <numeric>

#include "manifests/samples/agent.h"

namespace slipway::samples {
namespace {

nlohmann::json input(std::vector<double> prices, const char* strategy = "momentum") {
  return {{"symbol", "ETH"}, {"timeframe", "1h"}, {"strategy", strategy}, {"prices", prices}};
}

std::vector<double> ramp(double from, double factor, int count) {
  std::vector<double> prices;
  for (int i = 0; i < count; ++i, from *= factor) prices.push_back(from);
  return prices;
}

TEST(Momentum, ASteadyRiseIsABuyAndASteadyFallASell) {
  EXPECT_EQ(momentum(input(ramp(100, 1.01, 60)))["signal"], "buy");
  EXPECT_EQ(momentum(input(ramp(100, 0.99, 60)))["signal"], "sell");
  EXPECT_EQ(momentum(input(ramp(100, 1.00, 60)))["signal"], "hold");
}

TEST(Momentum, ReversalGoesAgainstTheRise) {
  EXPECT_EQ(momentum(input(ramp(100, 1.01, 60), "reversal"))["signal"], "sell");
}

// 14 changes with the closing prices of Wilder's worked example as StockCharts prints it: RSI 70.53 after the
// seed, 66.32 next.
TEST(Momentum, RsiAgreesWithThePublishedExample) {
  std::vector<double> prices = {44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245,
                                45.8433, 46.0826, 45.8931, 46.0328, 45.6140, 46.2820, 46.2820};
  EXPECT_NEAR(indicators_of(prices).rsi, 70.53, 0.01);
  prices.push_back(46.0028);
  EXPECT_NEAR(indicators_of(prices).rsi, 66.32, 0.01);
}

TEST(Momentum, AveragesOfALineLagByTheirKnownDistance) {
  std::vector<double> line(400);
  std::iota(line.begin(), line.end(), 1000);
  const auto seen = indicators_of(line);  // an EMA follows a line at (period − 1) / 2 behind
  EXPECT_NEAR(seen.ema_fast, 1399 - 5.5, 1e-6);
  EXPECT_NEAR(seen.ema_slow, 1399 - 12.5, 1e-6);
}

TEST(Momentum, ShortSeriesShrinkThePeriods) {
  const auto result = momentum(input({1, 2}));
  EXPECT_EQ(result["indicators"]["slowPeriod"], 2);
  EXPECT_EQ(result["indicators"]["fastPeriod"], 1);
  EXPECT_EQ(result["indicators"]["rsi"], 100);
}

TEST(Momentum, RefusesWhatItCannotCompute) {
  EXPECT_THROW(momentum(input({1})), BadInput);
  EXPECT_THROW(momentum(input({1, 0})), BadInput);
  EXPECT_THROW(momentum(input({1, -2})), BadInput);
  EXPECT_THROW(momentum(input({1, 2}, "astrology")), BadInput);
  EXPECT_THROW(momentum({{"symbol", "ETH"}, {"timeframe", "1h"}, {"prices", {1, "2"}}}), BadInput);
  EXPECT_THROW(momentum({{"timeframe", "1h"}, {"prices", {1, 2}}}), BadInput);
  EXPECT_THROW(momentum({{"symbol", 7}, {"timeframe", "1h"}, {"prices", {1, 2}}}), BadInput);
}

}  // namespace
}  // namespace slipway::samples

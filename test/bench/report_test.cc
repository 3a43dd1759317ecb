#include "test/bench/report.h"

#include <gtest/gtest.h>

namespace slipway::bench {
namespace {

TEST(Report, PercentilesAreNearestRanks) {
  EXPECT_EQ(percentile({4, 1, 3, 2}, 0.5), 2);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 0.99), 4);
  EXPECT_EQ(percentile({7}, 0.01), 7);
  EXPECT_EQ(median({9, 1, 5}), 5);
}

TEST(Report, LinesWithoutAKeyStayOutOfTheJson) {
  const auto json = json_of({{"floor_ratio", "a", ">= 0.9", 0.91234, ""}, {"", "b", "", 1, ""}});
  EXPECT_EQ(json, nlohmann::json({{"floor_ratio", 0.912}}));
}

}  // namespace
}  // namespace slipway::bench

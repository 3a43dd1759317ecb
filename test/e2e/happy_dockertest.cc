#include <gtest/gtest.h>

#include "test/support/house/house.h"

namespace slipway::test {
namespace {

TEST(Happy, ARowBecomesCompletedAndNothingIsLeft) {
  House house;
  house.agent("echo", "echo working; cp /input/input.json /output/result.json");
  const auto id = house.insert("echo", R"({"symbol": "ETH"})");
  auto row = house.finished(id);
  EXPECT_EQ(row["status"], "COMPLETED");
  EXPECT_EQ(row["reason"], "Completed");
  EXPECT_EQ(row["fault"], "None");
  EXPECT_EQ(row["exit_code"], "0");
  EXPECT_EQ(row["output"], R"({"symbol":"ETH"})");
  EXPECT_EQ(house.logs(id), "working");
  EXPECT_EQ(house.starts(id), 1);
  EXPECT_EQ(house.leftovers(), std::vector<std::string>{});
}

}  // namespace
}  // namespace slipway::test

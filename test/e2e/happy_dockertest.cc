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

TEST(Happy, ATagThatWasMovedRunsWhatItStandsForNow) {
  House house;
  house.agent("moved", "cp /version.json /output/result.json", R"({"image": "moved:1"})");
  const auto ran = [&] { return house.finished(house.insert("moved", "{}"))["output"]; };
  house.engine().import_image("moved:1", {{"version.json", "1", 0644}});
  EXPECT_EQ(ran(), "1");
  house.engine().import_image("moved:1", {{"version.json", "2", 0644}});
  EXPECT_TRUE(wait_until([&] { return ran() == "2"; }, 10'000)) << "what is known of an image stands for 2 s";
}

}  // namespace
}  // namespace slipway::test

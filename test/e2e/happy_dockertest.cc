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

TEST(Happy, TheEngineIsAskedNoMoreThanItMustBe) {
  House house({.flags = {"--resync", "60s"}});
  house.agent("quick", "sleep 0.5; echo {} > /output/result.json");
  const auto count = [&](const std::string& line) {
    const auto page = house.daemon().get("/metrics");
    const auto at = page.find(line);
    return at == std::string::npos ? 0 : std::strtol(page.c_str() + page.find("} ", at) + 2, nullptr, 10);
  };
  const auto inspects = [&] { return count("slipway_engine_request_duration_seconds_count{op=\"inspect\""); };
  const auto loads = [&] { return count("slipway_store_query_duration_seconds_count{op=\"load\""); };
  house.finished(house.insert("quick"));
  const auto inspected = inspects(), loaded = loads();
  constexpr int kRuns = 5;
  for (int i = 0; i < kRuns; ++i) EXPECT_EQ(house.finished(house.insert("quick"))["status"], "COMPLETED");
  EXPECT_GE(inspects() - inspected, 3 * kRuns) << "limits read back, what the start has led to, the exit";
  EXPECT_LE(inspects() - inspected, 3 * kRuns + 2)
      << "a look for the container of each claim would be one more";
  EXPECT_LE(loads() - loaded, 3 * kRuns) << "at the claim, when its image is known, at its exit";
}

TEST(Happy, AStrangerUnderItsNameIsLeftAlone) {
  House house;
  house.agent("polite", "echo {} > /output/result.json", R"({"retry": {"limit": 1}})");
  const std::string id = "01900000-0000-7000-8000-00000000abcd", name = "slipway-" + id + "-1";
  const auto made = house.engine().request("POST", "/containers/create?name=" + name,
                                           R"({"Image": ")" + house.image() + R"(", "Cmd": ["true"]})");
  ASSERT_EQ(made.status, 201) << made.body;
  house.insert("polite", "{}", {{"id", "'" + id + "'"}, {"retry_limit", "1"}});
  EXPECT_EQ(house.finished(id)["status"], "COMPLETED") << "the next attempt has a name of its own";
  const auto first = house.attempt(id);
  EXPECT_EQ(first.at("reason"), "EngineError");
  EXPECT_EQ(first.at("detail"), "the container's name is taken");
  EXPECT_EQ(house.engine().request("GET", "/containers/" + name + "/json").status, 200);
  EXPECT_EQ(house.engine().request("DELETE", "/containers/" + name).status, 204);
  EXPECT_EQ(house.leftovers(), std::vector<std::string>{});
}

}  // namespace
}  // namespace slipway::test

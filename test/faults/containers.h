#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "runtime/docker/rfc3339.h"
#include "test/support/house/house.h"

namespace slipway::test {

/// What the engine itself says of a container; null when it knows none.
inline nlohmann::json inspected(const DockerEngine& engine, const std::string& container) {
  const auto answer = engine.request("GET", "/containers/" + container + "/json");
  return answer.status == 200 ? nlohmann::json::parse(answer.body, nullptr, false) : nlohmann::json();
}

inline bool runs(const DockerEngine& engine, const std::string& container) {
  const auto seen = inspected(engine, container);
  return seen.is_object() && seen["State"]["Running"] == true;
}

/// From start to end by the engine's clock.
inline double seconds_run(const nlohmann::json& inspected) {
  const auto& state = inspected["State"];
  const auto started = runtime::parse_rfc3339(state["StartedAt"].get<std::string>());
  const auto finished = runtime::parse_rfc3339(state["FinishedAt"].get<std::string>());
  if (!started || !finished) return -1;
  return std::chrono::duration<double>(*finished - *started).count();
}

/// Starts the runtime made for each attempt of an execution, over all containers ever created for it. Holds
/// as far back as the engine remembers its events: this life, the last 256.
inline std::map<int, int> starts_by_attempt(const DockerEngine& engine, const std::string& execution) {
  const auto now = std::to_string(
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  const auto answer = engine.request(
      "GET", "/events?since=1&until=" + now + "&filters=%7B%22event%22%3A%5B%22create%22%5D%7D");
  std::map<int, int> starts;
  std::istringstream lines(answer.body);
  for (std::string line; std::getline(lines, line);) {
    const auto event = nlohmann::json::parse(line, nullptr, false);
    if (!event.is_object() || event["Type"] != "container") continue;
    const auto& labels = event["Actor"]["Attributes"];
    if (labels.value("slipway.execution", "") != execution) continue;
    starts[std::stoi(labels.value("slipway.attempt", "0"))] += engine.starts_of(event["Actor"]["ID"]);
  }
  return starts;
}

/// A new execution goes through as if nothing had been.
inline void expect_new_work_succeeds(House& house) {
  house.agent("probe", "cp /input/input.json /output/result.json");
  const auto id = house.insert("probe", R"({"probe":1})");
  auto row = house.finished(id, 60'000);
  EXPECT_EQ(row["reason"], "Completed");
  EXPECT_EQ(row["output"], R"({"probe":1})");
  EXPECT_EQ(house.starts(id), 1);
  EXPECT_EQ(house.leftovers(), std::vector<std::string>{});
}

}  // namespace slipway::test

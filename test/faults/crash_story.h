#pragma once

#include <string>
#include <vector>

#include "test/faults/containers.h"
#include "test/support/house/house.h"

namespace slipway::test {

/// One story of one execution: what its container does and what befalls it from outside.
struct Story {
  enum class Incident { None, Cancel, RemoveContainer };
  std::string name;
  std::string script;
  int retries = 0;
  std::string timeout = "60";          ///< seconds
  Incident incident = Incident::None;  ///< once the first attempt is at Running
};

inline std::vector<Story> stories() {
  using enum Story::Incident;
  // The trap comes first: without a handler PID 1 ignores TERM. "up" says that all is in place.
  const std::string until_term =
      "trap 'exit 9' TERM; echo '{\"half\":1}' > /output/result.json; echo up; sleep 600 & wait $!";
  return {
      {.name = "completes", .script = "echo up; cp /input/input.json /output/result.json"},
      {.name = "fails", .script = "echo up; echo '{\"half\":1}' > /output/result.json; exit 3"},
      {.name = "times-out", .script = until_term, .timeout = "2"},
      {.name = "is-cancelled", .script = until_term, .incident = Cancel},
      {.name = "is-retried",
       .script = "echo up; if [ $SLIPWAY_ATTEMPT = 1 ]; then sleep 600; fi; cp /input/input.json "
                 "/output/result.json",
       .retries = 1,
       .incident = RemoveContainer},
  };
}

inline void offer(House& house, const Story& story) {
  house.agent(story.name, story.script, R"({"retry": {"limit": )" + std::to_string(story.retries) + "}}");
}

inline std::string submit(House& house, const Story& story) {
  return house.insert(story.name, R"({"symbol":"ETH"})", {{"timeout_seconds", story.timeout}});
}

/// Lets the incident happen when its time has come; true once it is done.
inline bool befall(House& house, const Story& story, const std::string& id) {
  if (story.incident == Story::Incident::None) return true;
  auto row = house.row(id);
  if (row["stage"] != "Running" || row["attempt"] != "1") return false;
  const auto said = house.engine().request("GET", "/containers/" + row["container_id"] + "/logs?stdout=1");
  if (said.body.find("up") == std::string::npos) return false;
  if (story.incident == Story::Incident::Cancel) {
    house.sql().query("UPDATE slipway.executions SET cancel_requested = true WHERE id = $1", {id});
  } else {
    house.engine().request("DELETE", "/containers/" + row["container_id"] + "?force=1");
  }
  return true;
}

/// Of the last attempt: how much is known of what a lost container said depends on how far it was followed.
inline std::string last_log(House& house, const std::string& id) {
  return house.sql().value(
      "SELECT string_agg(l.line, E'\\n' ORDER BY l.seq) FROM slipway.execution_logs l JOIN "
      "slipway.executions e "
      "ON e.id = l.execution_id AND e.attempt = l.attempt WHERE e.id = $1 AND l.stream = 'stdout'",
      {id});
}

/// All that must be the same whatever died on the way.
inline std::string end_state(House& house, const std::string& id) {
  auto row = house.row(id);
  std::string end = row["stage"] + " " + row["status"] + " " + row["reason"] + " fault " + row["fault"] +
                    " code " + row["exit_code"] + " output " + row["output"] + " log [" +
                    last_log(house, id) + "]";
  auto starts = starts_by_attempt(house.engine(), id);
  for (int attempt = 1; attempt <= std::stoi("0" + row["attempt"]); ++attempt) {
    auto made = house.attempt(id, attempt);
    end += "; attempt " + std::to_string(attempt) + " " + made["reason"] + " code " + made["exit_code"] +
           " partial " + made["partial"] + " starts " + std::to_string(starts[attempt]);
  }
  return end + "; spends " +
         house.sql().value(
             "SELECT count(*) || ' settled ' || count(settled_at) || ' refunded ' || count(refunded_at) FROM "
             "slipway.entitlement_spends WHERE execution_id = $1",
             {id}) +
         "; running " + house.sql().value("SELECT coalesce(sum(running), 0) FROM slipway.user_usage");
}

}  // namespace slipway::test

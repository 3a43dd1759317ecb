#pragma once

#include <functional>
#include <string>

#include "test/support/simulation/world.h"

namespace slipway::simulation {

/// One story of one execution: what is prepared and what befalls it. `arrange` inserts the row and answers
/// its id.
struct Scenario {
  std::string name;
  std::string end;  ///< World::end_state of the undisturbed run
  std::function<ExecutionId(World&)> arrange;
};

inline AgentSpec agent_of(const std::string& image) {
  AgentSpec spec;
  spec.image = image;
  spec.timeout = spec.max_timeout = std::chrono::seconds(20);
  spec.retry_limit = 2;
  return spec;
}

/// The agent `name` runs `workload`; user u-1 holds five uses of it.
inline void offer(World& world, const std::string& name, const runtime::Workload& workload) {
  for (auto* engine : world.engines()) engine->add_image(name, workload);
  world.db().put_agent(name, agent_of(name));
  world.db().grant("u-1", name, 5);
}

inline ExecutionId submit(World& world, const std::string& agent) {
  store::Submission submission;
  submission.agent = agent;
  return world.db().insert(submission);
}

inline std::function<bool()> stands_at(World& world, const ExecutionId& id, Stage stage) {
  return [&world, id, stage] { return world.db().row(id)->exec.stage == stage; };
}

inline std::vector<Scenario> scenarios() {
  using std::chrono::hours;
  using std::chrono::seconds;
  const auto plain = [](runtime::Workload workload) {
    return [workload](World& world) {
      offer(world, "agent", workload);
      return submit(world, "agent");
    };
  };
  return {
      {"completes", R"(COMPLETED Completed None exit=0 output={"answer":42} attempts=1 spend=spent starts=1)",
       plain({.runs_for = seconds(3), .result = R"({"answer":42})", .stdout_text = "hello\n"})},
      {"fails", "FAILED NonZeroExit Agent exit=3 output=- attempts=1 spend=spent starts=1",
       plain({.runs_for = seconds(1), .exit_code = 3, .result = R"({"half":1})"})},
      {"times_out", "TIMEOUT DeadlineExceeded Agent exit=143 output=- attempts=1 spend=spent starts=1",
       plain({.runs_for = hours(9)})},
      {"times_out_and_ignores_term",
       "TIMEOUT DeadlineExceeded Agent exit=137 output=- attempts=1 spend=spent starts=1",
       plain({.runs_for = hours(9), .ignores_term = true})},
      {"has_no_such_command", "FAILED CommandInvalid Agent exit=- output=- attempts=1 spend=spent starts=0",
       plain({.start_error = "no such file"})},
      {"is_cancelled_while_running",
       "FAILED Cancelled User exit=143 output=- attempts=1 spend=spent starts=1",
       [](World& world) {
         offer(world, "agent", {.runs_for = hours(9)});
         auto id = submit(world, "agent");
         world.add_incident({stands_at(world, id, Stage::Running), [&world, id] { world.db().cancel(id); }});
         return id;
       }},
      {"is_cancelled_as_its_intent_is_written",
       "FAILED Cancelled User exit=- output=- attempts=1 spend=refunded starts=0",
       [](World& world) {
         offer(world, "agent", {.runs_for = hours(9)});
         auto id = submit(world, "agent");
         world.add_incident({[&world] { return world.line().last_verb == "store.record Claimed>Launching"; },
                             [&world, id] { world.db().cancel(id); }});
         return id;
       }},
      {"is_retried_after_an_engine_restart",
       R"(COMPLETED Completed None exit=0 output={"answer":42} attempts=2 spend=spent starts=2)",
       [](World& world) {
         offer(world, "agent", {.runs_for = seconds(8), .result = R"({"answer":42})"});
         auto id = submit(world, "agent");
         world.add_incident({stands_at(world, id, Stage::Running), [&world] { world.engine().restart({}); }});
         return id;
       }},
  };
}

}  // namespace slipway::simulation

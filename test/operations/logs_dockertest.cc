// What a daemon writes on stderr: one line a transition, keys as docs/operations/logs.md promises them, at a
// level that changes while it runs; and where a trace goes.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "test/support/command/command.h"
#include "test/support/house/house.h"
#include "test/support/http_client/http_client.h"

namespace slipway::test {
namespace {

using nlohmann::json;

const std::string kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::vector<json> lines_of(const std::string& log, const std::string& message) {
  std::vector<json> found;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    auto parsed = json::parse(line, nullptr, false);
    EXPECT_TRUE(parsed.is_object()) << "not JSON: " << line;
    if (parsed.is_object() && parsed.value("msg", "") == message) found.push_back(std::move(parsed));
  }
  return found;
}

std::vector<json> transitions(House& house, const std::string& id) {
  std::vector<json> of_row;
  for (auto& line : lines_of(house.daemon().log(), "transition")) {
    if (line.value("execution", "") == id) of_row.push_back(std::move(line));
  }
  return of_row;
}

std::string path_of(const std::vector<json>& steps) {
  std::string path;
  for (const auto& step : steps)
    path += (path.empty() ? step.value("from", "?") : std::string()) + ">" + step.value("to", "?");
  return path;
}

/// The first column of the table of transitions in docs/operations/logs.md.
std::set<std::string> promised_keys() {
  std::ifstream page(std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/docs/operations/logs.md");
  const std::regex row(R"(\| `([a-z_]+)` \|.*)");
  std::set<std::string> keys;
  for (std::string line; std::getline(page, line);) {
    std::smatch match;
    if (std::regex_match(line, match, row)) keys.insert(match[1]);
  }
  return keys;
}

TEST(Logs, ALineForEachTransitionAndTheTraceOnAll) {
  House house({.flags = {"--resync", "1s"}});
  house.agent("traced", "echo trace $TRACEPARENT; cp /input/input.json /output/result.json");
  const auto id = house.insert("traced", "{}", {{"traceparent", "'" + kTrace + "'"}});
  ASSERT_EQ(house.finished(id)["status"], "COMPLETED");
  EXPECT_EQ(house.logs(id), "trace " + kTrace) << "in the container's environment";

  const std::string whole = "New>Queued>Claimed>Launching>Running>Finished>Cleaned";
  EXPECT_TRUE(wait_until([&] { return path_of(transitions(house, id)) == whole; }, 10'000))
      << path_of(transitions(house, id));
  const auto keys = promised_keys();
  ASSERT_GT(keys.size(), 8U);
  for (const auto& line : transitions(house, id)) {
    EXPECT_EQ(line.value("traceparent", ""), kTrace) << line.dump();
    EXPECT_EQ(line.value("agent", ""), "traced") << line.dump();
    for (const auto& [key, value] : line.items())
      EXPECT_TRUE(keys.contains(key)) << key << " is not documented";
    for (const auto* key : {"at", "level", "msg", "execution", "attempt", "from", "to", "status", "reason"})
      EXPECT_TRUE(line.contains(key)) << key << " in " << line.dump();
  }

  const auto refused = house.insert("nobody");
  ASSERT_EQ(house.finished(refused)["reason"], "AgentNotFound");
  EXPECT_TRUE(wait_until([&] { return path_of(transitions(house, refused)) == "New>Finished"; }, 10'000));
  EXPECT_EQ(transitions(house, refused).at(0).value("reason", ""), "AgentNotFound");
  EXPECT_FALSE(transitions(house, refused).at(0).contains("traceparent"))
      << "a key without a value is left out";
}

TEST(Logs, TheTraceIsOnEventsAndTakenFromHttp) {
  House house;
  house.agent("echo", "cp /input/input.json /output/result.json");
  const auto made = run({built("cmd/slipway/slipway"), "token", "create", "--role", "service",
                         "--database-url", house.database_url()});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  std::string token = made.out.substr(0, made.out.find('\n'));
  const HttpClient client(house.daemon().port(), token);
  const json body = {{"apiVersion", "slipway.dev/v1alpha1"},
                     {"kind", "Execution"},
                     {"spec", {{"user", "u-1"}, {"agent", "echo"}, {"input", json::object()}}}};
  house.sql().exec("INSERT INTO slipway.entitlements (user_id, agent) VALUES ('u-1', 'echo')");
  const auto posted =
      client.post("/v1/executions", body.dump(),
                  {{"traceparent", kTrace}, {"Content-Type", "application/json"}, {"Prefer", "wait=20"}});
  ASSERT_TRUE(posted.status == 200 || posted.status == 201) << posted.status << posted.body;
  const std::string id = posted.json()["metadata"]["uid"];
  EXPECT_EQ(house.finished(id)["traceparent"], kTrace);
  const auto events = client.get("/v1/executions/" + id + "/events").json();
  ASSERT_TRUE(events.contains("items")) << events.dump();
  ASSERT_GE(events["items"].size(), 5U);
  for (const auto& event : events["items"]) EXPECT_EQ(event.value("traceparent", ""), kTrace) << event.dump();
  EXPECT_TRUE(wait_until([&] { return transitions(house, id).size() == 6; }, 10'000));
}

TEST(Logs, TheLevelChangesWhileItRuns) {
  House house({.start = false});
  const auto file = house.engine().dir() + "/slipwayd.yaml";
  const auto write = [&](const std::string& text) { std::ofstream(file) << text; };
  write("log: {level: warn}\n");
  auto& more = house.daemon().options().more;
  more = {"--resync", "1s"};
  house.daemon().options().config = file;
  house.daemon().start();
  house.agent("echo", "cp /input/input.json /output/result.json");
  const auto silent = house.insert("echo");
  ASSERT_EQ(house.finished(silent)["status"], "COMPLETED");

  write("log: {level: info}\n");
  house.daemon().signal(SIGHUP);
  ASSERT_TRUE(wait_until([&] { return lines_of(house.daemon().log(), "configuration reloaded").size() == 1; },
                         10'000));
  EXPECT_TRUE(transitions(house, silent).empty());
  const auto told = house.insert("echo");
  ASSERT_EQ(house.finished(told)["status"], "COMPLETED");
  EXPECT_TRUE(wait_until([&] { return transitions(house, told).size() == 6; }, 10'000));

  write("log: {level: loud}\n");
  house.daemon().signal(SIGHUP);
  ASSERT_TRUE(wait_until(
      [&] { return lines_of(house.daemon().log(), "configuration not reloaded").size() == 1; }, 10'000));
  const auto objection =
      lines_of(house.daemon().log(), "configuration not reloaded").at(0).value("error", "");
  EXPECT_NE(objection.find("expected debug, info, warn or error"), std::string::npos) << objection;

  write("log: {level: info}\nnode: {slots: 3}\n");
  house.daemon().signal(SIGHUP);
  EXPECT_TRUE(wait_until(
      [&] {
        return lines_of(house.daemon().log(),
                        "settings other than log.level have changed: they need a restart")
                   .size() == 1;
      },
      10'000));
  EXPECT_TRUE(house.daemon().ready()) << "a reload is no restart";
}

}  // namespace
}  // namespace slipway::test

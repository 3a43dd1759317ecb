#include "test/bench/witness.h"

#include <future>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace slipway::bench {
namespace {

using nlohmann::json;

constexpr const char* kFloorName = "floor-witness";
constexpr const char* kOurs = "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22slipway.spec%22%5D%7D";

/// What was asked of the engine, names and labels taken out.
json nameless(json inspected) {
  json config = inspected.at("Config");
  json host = inspected.at("HostConfig");
  config.erase("Hostname");
  config.erase("Labels");
  json env = json::array();
  for (const auto& variable : config.at("Env"))
    if (!variable.get_ref<const std::string&>().starts_with("SLIPWAY_EXECUTION_ID=")) env.push_back(variable);
  config["Env"] = env;
  host.erase("CgroupParent");
  for (auto& mount : host.at("Mounts")) mount.erase("Source");
  return {{"Config", config}, {"HostConfig", host}};
}

json inspect_floor(EngineClient& engine, const Ground& ground) {
  const auto directory = ground.scratch / kFloorName;
  std::filesystem::create_directories(directory / "input");
  std::filesystem::create_directories(directory / "output");
  engine.must("POST", std::string("/containers/create?name=") + kFloorName, floor_body(ground, kFloorName));
  const auto text = engine.must("GET", std::string("/containers/") + kFloorName + "/json");
  engine.must("DELETE", std::string("/containers/") + kFloorName + "?force=1&v=1");
  std::filesystem::remove_all(directory);
  return json::parse(text);
}

/// Null: there was none to be caught while the executions ran.
json catch_one(EngineClient& engine, std::future<double>& running) {
  while (running.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready)
    for (const auto& container : json::parse(engine.must("GET", kOurs)))
      if (auto answer = engine.call("GET", "/containers/" + container.at("Id").get<std::string>() + "/json");
          answer.status == 200)
        return json::parse(answer.body);
  return nullptr;
}

}  // namespace

void require_equal_bodies(const Ground& ground, DaemonUnderLoad& daemon) {
  EngineClient engine(ground.socket);
  auto running = std::async(std::launch::async, [&] { return daemon.throughput(4); });
  const auto caught = catch_one(engine, running);
  running.get();
  if (caught.is_null()) throw std::runtime_error("no container of slipwayd's was seen");
  const auto difference = json::diff(nameless(inspect_floor(engine, ground)), nameless(caught));
  if (!difference.empty())
    throw std::runtime_error("the floor's create body differs from slipwayd's: " + difference.dump());
}

}  // namespace slipway::bench

#include "test/support/house/house.h"

#include "test/support/postgres_server/everyone_entitled.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace slipway::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// One row of any query as a map, through JSON so that no column list has to be kept in step.
House::Row row_of(Sql& sql, const std::string& query, const Sql::Params& params) {
  const auto text = sql.value("SELECT to_json(r)::text FROM (" + query + ") r", params);
  House::Row row;
  if (text.empty()) return row;
  const auto parsed = json::parse(text);
  for (const auto& [name, value] : parsed.items()) {
    row[name] = value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump();
  }
  return row;
}

SlipwaydProcess::Options daemon_options(const House::Options& options, const DockerEngine& engine,
                                        const std::string& url) {
  SlipwaydProcess::Options given;
  given.database_url = url;
  given.engine_socket = engine.socket_path();
  given.state_dir = engine.dir() + "/state";
  given.log_file = engine.dir() + "/slipwayd.log";
  given.io = options.io;
  given.more = options.flags;
  return given;
}

}  // namespace

House::House() : House(Options{}) {}

House::House(Options options)
    : postgres_(options.postgres ? *options.postgres : PostgresServer::shared()),
      engine_(options.engine),
      url_(postgres_.create_migrated_database()),
      image_(engine_.import_image("agent:1")),
      daemon_(daemon_options(options, engine_, url_)) {
  cgroups_ = std::make_unique<HouseCgroups>(daemon_.options().state_dir);
  if (options.start) daemon_.start();
}

House::~House() {
  daemon_.kill9();
  cgroups_->learn_instance();
  if (::testing::Test::HasFailure()) std::fprintf(stderr, "--- slipwayd ---\n%s\n", daemon_.log().c_str());
}

Sql& House::sql() {
  if (!sql_) {
    sql_ = std::make_unique<Sql>(url_);
    if (sql_->value("SELECT to_regprocedure('testing.entitle_submitter()') IS NULL") == "t")
      entitle_everyone(*sql_);
  }
  return *sql_;
}

void House::agent(const std::string& name, const std::string& script, const std::string& spec) {
  json whole = {{"image", "agent:1"},
                {"imagePullPolicy", "Never"},
                {"command", {"/bin/sh", "-c", script}},
                {"timeout", "60s"},
                {"maxTimeout", "10m"}};
  whole.merge_patch(json::parse(spec));
  sql().query(
      "INSERT INTO slipway.agents (name, spec) VALUES ($1, $2::jsonb) ON CONFLICT (name) DO UPDATE SET spec "
      "= excluded.spec",
      {name, whole.dump()});
}

std::string House::insert(const std::string& agent, const std::string& input,
                          const std::map<std::string, std::string>& columns) {
  std::string names = "user_id, agent, input";
  std::string values = "'u-1', $1, $2::json";
  for (const auto& [name, literal] : columns) names += ", " + name, values += ", " + literal;
  return sql().value("INSERT INTO slipway.executions (" + names + ") VALUES (" + values + ") RETURNING id",
                     {agent, input});
}

House::Row House::row(const std::string& id) {
  return row_of(sql(), "SELECT * FROM slipway.executions WHERE id = $1", {id});
}

House::Row House::attempt(const std::string& id, int number) {
  return row_of(sql(),
                "SELECT a.*, slipway.log_text(p.result) AS partial FROM slipway.attempts a LEFT JOIN "
                "slipway.partial_results p USING (execution_id, attempt) WHERE "
                "execution_id = $1 AND attempt = $2",
                {id, std::to_string(number)});
}

House::Row House::finished(const std::string& id, int timeout_ms) {
  Row last;
  const auto clean = [&] {
    // What was refused before a claim has made nothing that could be cleaned.
    return last["stage"] == "Cleaned" || (last["stage"] == "Finished" && last["node"].empty());
  };
  wait_until(
      [&] {
        last = row(id);
        return clean() || daemon_.failed();
      },
      timeout_ms);
  EXPECT_FALSE(daemon_.failed()) << "slipwayd ended by itself, exit code " << daemon_.exit_code();
  EXPECT_TRUE(clean()) << "not converged: stage " << last["stage"] << ", status " << last["status"]
                       << ", reason " << last["reason"];
  return last;
}

bool House::wait_for(const std::string& id, const std::string& column, const std::string& value,
                     int timeout_ms) {
  return wait_until([&] { return row(id)[column] == value; }, timeout_ms);
}

std::string House::logs(const std::string& id, const std::string& stream) {
  return sql().value(
      "SELECT string_agg(line, E'\\n' ORDER BY seq) FROM slipway.execution_logs WHERE execution_id = $1 AND "
      "stream = $2",
      {id, stream});
}

std::vector<std::string> House::leftovers() const {
  std::vector<std::string> left;
  const auto answer = engine_.request("GET", "/containers/json?all=1");
  const auto containers = json::parse(answer.body, nullptr, false);
  for (const auto& container : containers)
    left.push_back("container " + container.value("Names", json::array()).dump());
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(engine_.dir() + "/state/runs", none))
    left.push_back("directory " + entry.path().string());
  for (const auto& cgroup : cgroups_->of_attempts()) left.push_back("cgroup " + cgroup);
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(engine_.dir() + "/state/runs") != std::string::npos) left.push_back("mount " + line);
  }
  return left;
}

int House::starts(const std::string& id, int attempt_number) {
  const auto container = attempt(id, attempt_number)["container_id"];
  return container.empty() ? 0 : engine_.starts_of(container);
}

}  // namespace slipway::test

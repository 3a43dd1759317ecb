// Every route for every role, with what is the caller's own and with what is another's.
#include "server/answers.h"
#include "test/server/api_rig.h"

namespace slipway::test {
namespace {

using server::Access;

class HttpMatrix : public ApiRig {
 protected:
  /// The path with the row of `owner` in it.
  std::string target(const server::Route& route, const std::string& owner, const std::string& execution) {
    std::string path = route.pattern;
    const auto put = [&](const std::string& part, const std::string& value) {
      if (const auto at = path.find(part); at != std::string::npos) path.replace(at, part.size(), value);
    };
    if (path.starts_with("/v1/executions")) put("{id}", execution);
    if (path.starts_with("/v1/tokens")) put("{id}", "tok-none");
    if (path.starts_with("/v1/agents")) put("{name}", "echo");
    if (path.starts_with("/v1/entitlements")) put("{name}", owner == "u-1" ? "right-1" : "right-2");
    if (path.starts_with("/v1/quotas")) put("{name}", owner);
    if (path.starts_with("/v1/nodes")) put("{name}", "n1");
    return path;
  }
  static std::string body(const server::Route& route, const std::string& owner) {
    if (route.operation == "createExecution")
      return R"({"spec": {"user": ")" + owner + R"(", "agent": "echo", "input": {}}})";
    if (route.method == "POST" || route.method == "PUT") return "{}";
    return "";
  }
  static bool of_one_user(const server::Route& route) {
    return route.pattern.starts_with("/v1/executions/") || route.pattern.starts_with("/v1/entitlements/{") ||
           route.pattern.starts_with("/v1/quotas/{");
  }
};

TEST_F(HttpMatrix, EveryRouteForEveryRoleAndOwner) {
  const struct {
    const char* role;
    const std::string* token;
  } callers[] = {{"nobody", nullptr},
                 {"user", &user_},
                 {"service", &service_},
                 {"reader", &reader_},
                 {"admin", &admin_}};
  int tried = 0, refused = 0;
  for (const auto& route : api_->routes()) {
    for (const auto& caller : callers) {
      for (const std::string owner : {"u-1", "u-2"}) {
        const auto execution = submit(owner);
        finish(execution);
        const auto path = target(route, owner, execution);
        const auto answer = ask(caller.token ? *caller.token : "", route.method, path, body(route, owner));
        ++tried;
        const std::string role = caller.role;
        const auto what =
            role + " " + route.method + " " + path + " of " + owner + ": " + answer.body.substr(0, 200);
        const bool submits = role != "reader", operates = role != "user", rules = role == "admin";
        const bool may = route.access == Access::Open || route.access == Access::Own ||
                         (route.access == Access::Submit && submits) ||
                         (route.access == Access::Operate && operates) ||
                         (route.access == Access::Admin && rules);
        if (route.access != Access::Open && role == "nobody") {
          EXPECT_EQ(answer.status, 401) << what;
        } else if (!may) {
          EXPECT_EQ(answer.status, 403) << what;
        } else if (role == "user" && owner == "u-2" && route.operation == "createExecution") {
          EXPECT_EQ(answer.status, 403) << what;
        } else if (role == "user" && owner == "u-2" && of_one_user(route)) {
          EXPECT_EQ(answer.status, 404) << what;
        } else {
          EXPECT_NE(answer.status, 401) << what;
          EXPECT_NE(answer.status, 403) << what;
          EXPECT_LT(answer.status, 500) << what;
        }
        refused += answer.status == 401 || answer.status == 403 || answer.status == 404 ? 1 : 0;
        if (role == "user" && owner == "u-2" && answer.status != 404)
          EXPECT_EQ(answer.body.find(execution), std::string::npos) << what;
        // What an admin has removed is there for the next one.
        sql_.exec(
            R"(INSERT INTO slipway.agents (name, spec) VALUES ('echo', '{"image": "echo:1"}') ON CONFLICT DO NOTHING;
          INSERT INTO slipway.entitlements (id, user_id, agent) VALUES ('right-1', 'u-1', 'echo'), ('right-2', 'u-2', 'echo') ON CONFLICT DO NOTHING;
          INSERT INTO slipway.quotas (user_id) VALUES ('u-1'), ('u-2') ON CONFLICT DO NOTHING;
          UPDATE slipway.executions SET cancel_requested = true WHERE finished_at IS NULL AND NOT cancel_requested)");
      }
    }
  }
  std::printf("%d of route × role × owner, %d refused\n", tried, refused);
}

// What a run left that nobody pays for is read by SQL, by its agent's owner and operators: here by nobody.
TEST_F(HttpMatrix, NoRouteShowsWhatAnUnpaidRunLeft) {
  sql_.exec(R"(UPDATE slipway.agents SET spec = spec || '{"owner": "u-2"}' WHERE name = 'echo')");
  const auto execution = submit("u-1");
  finish(execution);
  const auto leave =
      "INSERT INTO slipway.partial_results (execution_id, attempt, agent, agent_revision, "
      "owner, for_submitter, reason, result) VALUES ($1, 1, 'echo', 1, 'u-2', false, "
      "'DeadlineExceeded', 'the whole result')";
  sql_.query(leave, {execution});
  int walked = 0;
  for (const auto& route : api_->routes()) {
    if (route.method != "GET") continue;
    for (const auto* token : {&user_, &other_, &service_, &reader_, &admin_}) {
      const auto path = target(route, "u-1", execution);
      EXPECT_EQ(ask(*token, "GET", path).body.find("whole result"), std::string::npos) << path;
      ++walked;
    }
  }
  EXPECT_GT(walked, 60);
  std::string told;
  as(user_).stream("/v1/executions?watch=1", [&](const std::string& piece) {
    told += piece;
    return told.find(execution) == std::string::npos;
  });
  EXPECT_EQ(told.find("whole result"), std::string::npos) << told;
}

TEST_F(HttpMatrix, EveryRouteIsDescribed) {
  std::size_t operations = 0;
  for (const auto& [path, verbs] : openapi_["paths"].items()) operations += verbs.size();
  EXPECT_EQ(operations, api_->routes().size());
  std::set<std::string> ids;
  for (const auto& route : api_->routes()) EXPECT_TRUE(ids.insert(route.operation).second) << route.operation;
}

}  // namespace
}  // namespace slipway::test

// The API as its users meet it, on a real database; every answer is held to /openapi.json by the rig.
#include <gmock/gmock.h>

#include "test/server/api_rig.h"

namespace slipway::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class ApiTest : public ApiRig {
 protected:
  std::string rows() { return sql_.value("SELECT count(*) FROM slipway.executions"); }
  static std::string body(const std::string& spec, const std::string& metadata = "{}") {
    return R"({"apiVersion": "slipway.dev/v1alpha1", "kind": "Execution", "metadata": )" + metadata +
           R"(, "spec": )" + spec + "}";
  }
};

TEST_F(ApiTest, AnExecutionIsMadeFoundAndStopped) {
  const auto made = ask(user_, "POST", "/v1/executions",
                        body(R"({"agent": "echo", "input": {"n": 12345678901234567890123}})"));
  ASSERT_EQ(made.status, 201) << made.body;
  const auto id = made.json()["metadata"]["uid"].get<std::string>();
  EXPECT_EQ(made.header("location"), "/v1/executions/" + id);
  EXPECT_EQ(sql_.value("SELECT input::text FROM slipway.executions"), R"({"n": 12345678901234567890123})")
      << "digit for digit";
  EXPECT_EQ(made.json()["spec"]["user"], "u-1");
  EXPECT_EQ(made.json()["status"]["agent"]["name"], "echo");
  EXPECT_EQ(made.json()["status"]["quota"]["maxRunning"], 4);
  EXPECT_EQ(ask(user_, "GET", "/v1/executions/" + id).json()["status"]["status"], "PENDING");
  EXPECT_EQ(ask(user_, "GET", "/v1/executions/" + id + "/output").status, 404);
  EXPECT_EQ(ask(user_, "POST", "/v1/executions/" + id + "/cancel").status, 202);
  EXPECT_EQ(ask(user_, "POST", "/v1/executions/" + id + "/cancel").status, 200);
  const auto second = submit("u-1");
  finish(second);
  EXPECT_EQ(ask(user_, "POST", "/v1/executions/" + second + "/cancel").status, 409);
  EXPECT_EQ(ask(user_, "GET", "/v1/executions/" + second + "/output").body, R"({"ok":true})");
  EXPECT_EQ(ask(user_, "GET", "/v1/executions/" + second + "/events").json()["total"], 1);
  EXPECT_EQ(ask(user_, "GET", "/v1/executions/" + second + "/why").json()["place"], 0);
}

TEST_F(ApiTest, ARefusedPostWritesNoRowAndSaysWhichFieldIsWrong) {
  const auto bad = ask(user_, "POST", "/v1/executions", body(R"({"agent": "echo", "input": {"symbol": 5}})"));
  EXPECT_EQ(bad.status, 422);
  EXPECT_EQ(bad.json()["code"], "InputInvalid");
  EXPECT_EQ(bad.json()["errors"][0]["pointer"], "/spec/input/symbol");
  const auto typo = ask(user_, "POST", "/v1/executions", body(R"({"agnt": "echo", "input": {}})"));
  EXPECT_EQ(typo.status, 422);
  EXPECT_THAT(typo.body, HasSubstr("did you mean \\\"agent\\\"?"));
  EXPECT_EQ(ask(user_, "POST", "/v1/executions", "{nope").status, 400);
  EXPECT_EQ(ask(user_, "POST", "/v1/executions", R"({"a":1,"a":2})").status, 400);
  EXPECT_EQ(ask(user_, "POST", "/v1/executions", "[]").status, 422);
  EXPECT_EQ(ask(user_, "POST", "/v1/executions", "x", {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(
      ask(user_, "POST", "/v1/executions", "a=b", {{"Content-Type", "application/x-www-form-urlencoded"}})
          .status,
      415);
  EXPECT_EQ(ask(user_, "POST", "/v1/executions", body(R"({"agent": "nobody", "input": {}})")).json()["code"],
            "AgentNotFound");
  const auto poor = token_of("user", "u-poor");
  const auto missing = ask(poor, "POST", "/v1/executions", body(R"({"agent": "echo", "input": {}})"));
  EXPECT_EQ(missing.status, 403);
  EXPECT_EQ(missing.json()["code"], "EntitlementMissing");
  EXPECT_EQ(
      ask(user_, "POST", "/v1/executions", body(R"({"agent": "echo", "input": {}, "user": "u-2"})")).status,
      403);
  const auto large = ask(user_, "POST", "/v1/executions",
                         body(R"({"agent": "echo", "input": ")" + std::string(1'100'000, 'x') + "\"}"));
  EXPECT_THAT(large.status, testing::AnyOf(413, 422)) << large.body;
  sql_.exec("UPDATE slipway.quotas SET per_minute = 0 WHERE user_id = 'u-1'");
  const auto rate = ask(user_, "POST", "/v1/executions", body(R"({"agent": "echo", "input": {}})"));
  EXPECT_EQ(rate.status, 429);
  EXPECT_EQ(rate.json()["code"], "RateLimited");
  EXPECT_GE(std::stoi(rate.header("retry-after")), 1);
  sql_.exec("UPDATE slipway.quotas SET per_minute = NULL, max_queued = 0 WHERE user_id = 'u-1'");
  EXPECT_EQ(ask(user_, "POST", "/v1/executions", body(R"({"agent": "echo", "input": {}})")).json()["code"],
            "QueueFull");
  sql_.exec("UPDATE slipway.agents SET spec = spec || '{\"suspend\": true}'");
  EXPECT_EQ(ask(user_, "POST", "/v1/executions", body(R"({"agent": "echo", "input": {}})")).status, 409);
  EXPECT_EQ(rows(), "0");
}

TEST_F(ApiTest, WhatIsLoweredIsToldInAHeader) {
  const auto made =
      ask(user_, "POST", "/v1/executions", body(R"({"agent": "echo", "input": {}, "timeout": "100h"})"));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_THAT(made.header("warning"),
              testing::StartsWith("299 - \"the timeout of 100h is above the agent's maxTimeout"));
  EXPECT_EQ(ask(user_, "POST", "/v1/executions", body(R"({"agent": "echo", "input": {}})")).header("warning"),
            "");
}

TEST_F(ApiTest, TheSameKeyFindsTheSameExecution) {
  const auto request = body(R"({"agent": "echo", "input": {"a": 1}})");
  const auto first = ask(user_, "POST", "/v1/executions", request, {{"Idempotency-Key", "order 7/äöü"}});
  const auto again = ask(user_, "POST", "/v1/executions", request, {{"Idempotency-Key", "order 7/äöü"}});
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(first.json()["metadata"]["uid"], again.json()["metadata"]["uid"]);
  EXPECT_EQ(ask(user_, "POST", "/v1/executions", body(R"({"agent": "echo", "input": {"a": 2}})"),
                {{"Idempotency-Key", "order 7/äöü"}})
                .status,
            409);
  EXPECT_EQ(ask(other_, "POST", "/v1/executions", request, {{"Idempotency-Key", "order 7/äöü"}}).status, 201);
  EXPECT_EQ(
      ask(user_, "POST", "/v1/executions", body(R"({"agent": "echo", "input": {}})", R"({"name": "n"})"))
          .status,
      201);
  EXPECT_EQ(
      ask(user_, "POST", "/v1/executions", body(R"({"agent": "echo", "input": {}})", R"({"name": "n"})"))
          .status,
      409);
  EXPECT_EQ(rows(), "3");
}

TEST_F(ApiTest, ManyAtOnceWithOneKeyMakeOne) {
  std::vector<std::thread> clients;
  std::array<int, 16> statuses{};
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([this, &statuses, i] {
      statuses[static_cast<std::size_t>(i)] =
          as(user_)
              .post("/v1/executions", body(R"({"agent": "echo", "input": {}})"), {{"Idempotency-Key", "k"}})
              .status;
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(std::ranges::count(statuses, 201), 1);
  EXPECT_EQ(std::ranges::count(statuses, 200), 15);
  EXPECT_EQ(rows(), "1");
}

TEST_F(ApiTest, WaitAnswersWhenItIsFinal) {
  const auto id = submit("u-1");
  std::thread later([&] {
    Sql sql(url_);
    EXPECT_EQ(as(user_).get("/v1/executions/" + id).json()["status"]["status"], "PENDING");
  });
  later.join();
  std::thread ends([&] { finish(id); });
  const auto since = std::chrono::steady_clock::now();
  const auto answer = ask(user_, "GET", "/v1/executions/" + id + "?wait=20");
  ends.join();
  EXPECT_EQ(answer.json()["status"]["status"], "COMPLETED") << answer.body;
  EXPECT_EQ(answer.json()["status"]["output"]["ok"], true);
  EXPECT_LT(std::chrono::steady_clock::now() - since, std::chrono::seconds(10));
  const auto unfinished =
      ask(user_, "POST", "/v1/executions", body(R"({"agent": "echo", "input": {}})"), {{"Prefer", "wait=1"}});
  EXPECT_EQ(unfinished.status, 201);
  EXPECT_EQ(unfinished.json()["status"]["status"], "PENDING");
  EXPECT_EQ(ask(user_, "GET", "/v1/executions/" + id + "?wait=-1").status, 400);
}

TEST_F(ApiTest, PagesShowEachRowOnceNewestFirst) {
  std::vector<std::string> made;
  for (int i = 0; i < 7; ++i) made.push_back(submit(i % 2 == 0 ? "u-1" : "u-2"));
  finish(made[0]);
  sql_.query("UPDATE slipway.executions SET labels = '{\"team\": \"quant\"}' WHERE id = $1", {made[2]});
  std::vector<std::string> seen;
  std::string next;
  do {
    const auto page = ask(reader_, "GET", "/v1/executions?limit=3&continue=" + next).json();
    EXPECT_EQ(page["total"], 7);
    for (const auto& item : page["items"]) seen.push_back(item["metadata"]["uid"]);
    next = page["continue"];
  } while (!next.empty() && seen.size() < 20);
  std::ranges::reverse(made);
  EXPECT_EQ(seen, made);
  EXPECT_EQ(ask(reader_, "GET", "/v1/executions?limit=3&page=3").json()["items"].size(), 1U);
  EXPECT_EQ(ask(user_, "GET", "/v1/executions").json()["total"], 4);
  EXPECT_EQ(ask(user_, "GET", "/v1/executions?user=u-2").json()["total"], 0);
  EXPECT_EQ(ask(reader_, "GET", "/v1/executions?user=u-2").json()["total"], 3);
  EXPECT_EQ(ask(reader_, "GET", "/v1/executions?status=COMPLETED").json()["total"], 1);
  EXPECT_EQ(ask(reader_, "GET", "/v1/executions?agent=echo&status=PENDING").json()["total"], 6);
  EXPECT_EQ(ask(reader_, "GET", "/v1/executions?label=team%3Dquant").json()["total"], 1);
  for (const auto* bad : {"limit=0", "limit=501", "limit=x", "page=0", "status=DONE", "label=%3Dx",
                          "continue=zzz", "continue=1.2"})
    EXPECT_THAT(ask(reader_, "GET", std::string("/v1/executions?") + bad).status, testing::AnyOf(400, 422))
        << bad;
}

TEST_F(ApiTest, ObjectsAreWrittenByAdminsAndReadByAll) {
  const std::string agent = R"({"metadata": {"name": "m"}, "spec": {"image": "m:1", "price": "0.10"}})";
  EXPECT_EQ(ask(admin_, "POST", "/v1/agents", agent).status, 201);
  EXPECT_EQ(ask(admin_, "POST", "/v1/agents", agent).json()["detail"], "agent/m already exists");
  EXPECT_EQ(
      ask(admin_, "PUT", "/v1/agents/m", R"({"spec": {"image": "m:2"}})").json()["metadata"]["revision"], 2);
  EXPECT_EQ(
      ask(admin_, "PUT", "/v1/agents/m", R"({"metadata": {"name": "x"}, "spec": {"image": "m:2"}})").status,
      422);
  EXPECT_EQ(
      ask(admin_, "PUT", "/v1/agents/m", R"({"spec": {"image": "m:2", "inputSchema": {"type": "nonsense"}}})")
          .status,
      422);
  EXPECT_EQ(ask(user_, "GET", "/v1/agents").json()["total"], 2);
  const auto page = ask(user_, "GET", "/v1/agents?limit=1").json();
  EXPECT_EQ(page["items"].size(), 1U);
  EXPECT_EQ(page["continue"], "echo");
  const auto rest = ask(user_, "GET", "/v1/agents?limit=1&continue=echo").json();
  EXPECT_EQ(rest["items"][0]["metadata"]["name"], "m");
  EXPECT_EQ(rest["continue"], "");
  EXPECT_EQ(ask(user_, "GET", "/v1/agents/m/statistics").status, 403) << "they are of all users";
  EXPECT_EQ(ask(reader_, "GET", "/v1/agents/m/statistics").json()["total"], 0);
  EXPECT_EQ(ask(reader_, "GET", "/v1/agents/none/statistics").status, 404);
  EXPECT_EQ(ask(admin_, "DELETE", "/v1/agents/m").status, 204);
  EXPECT_EQ(ask(admin_, "DELETE", "/v1/agents/m").status, 404);
  submit("u-1");
  EXPECT_THAT(ask(admin_, "DELETE", "/v1/agents/echo").status, testing::AnyOf(409, 422));
  EXPECT_EQ(
      ask(admin_, "PUT", "/v1/entitlements/e", R"({"spec": {"user": "u-9", "agent": "echo", "uses": 3}})")
          .status,
      201);
  EXPECT_EQ(ask(admin_, "PUT", "/v1/quotas/u-9", R"({"spec": {"user": "u-9", "maxRunning": 1}})").status,
            201);
  EXPECT_EQ(ask(user_, "GET", "/v1/entitlements").json()["total"], 1);
  EXPECT_EQ(ask(reader_, "GET", "/v1/entitlements").json()["total"], 3);
  EXPECT_EQ(ask(admin_, "POST", "/v1/nodes/n1/cordon").json()["spec"]["cordoned"], true);
  EXPECT_EQ(ask(admin_, "POST", "/v1/nodes/n1/uncordon").json()["spec"]["cordoned"], false);
  EXPECT_EQ(ask(admin_, "POST", "/v1/nodes/n2/cordon").status, 404);
}

TEST_F(ApiTest, TokensOpenTheDoorUntilTheyAreRevokedOrExpire) {
  EXPECT_EQ(ask("", "GET", "/v1/agents").status, 401);
  EXPECT_THAT(ask("", "GET", "/v1/agents").header("www-authenticate"), HasSubstr("Bearer"));
  EXPECT_EQ(ask("slp_unknown", "GET", "/v1/agents").status, 401);
  const auto made =
      ask(admin_, "POST", "/v1/tokens", R"({"role": "user", "user": "u-1", "description": "for tests"})");
  ASSERT_EQ(made.status, 201);
  const auto token = made.json()["token"].get<std::string>();
  EXPECT_EQ(ask(token, "GET", "/v1/agents").status, 200);
  EXPECT_EQ(ask(admin_, "GET", "/v1/tokens").body.find(token), std::string::npos);
  EXPECT_EQ(sql_.value("SELECT count(*) FROM slipway.api_tokens t WHERE t::text LIKE '%" + token + "%'"), "0")
      << "hash only";
  EXPECT_EQ(ask(admin_, "DELETE", "/v1/tokens/" + made.json()["id"].get<std::string>()).status, 204);
  EXPECT_EQ(ask(token, "GET", "/v1/agents").status, 401);
  const auto brief = token_of("reader");
  sql_.exec(
      "UPDATE slipway.api_tokens SET expires_at = now() - interval '1 second' WHERE id = (SELECT id FROM "
      "slipway.api_tokens ORDER BY created_at DESC LIMIT 1)");
  EXPECT_EQ(ask(brief, "GET", "/v1/agents").status, 401);
  EXPECT_EQ(ask(admin_, "POST", "/v1/tokens", R"({"role": "user"})").status, 422);
  EXPECT_EQ(ask(admin_, "POST", "/v1/tokens", R"({"role": "god"})").status, 422);
}

TEST_F(ApiTest, PathsAndMethodsThatAreNotThereAreToldApart) {
  EXPECT_EQ(ask(admin_, "GET", "/v1/nothing").status, 404);
  EXPECT_EQ(ask(admin_, "GET", "/").status, 404);
  EXPECT_EQ(as(admin_).send("PATCH", "/v1/agents").status, 405);
  EXPECT_EQ(as("").get("/livez").status, 200);
  EXPECT_EQ(as("").get("/metrics").status, 200);
}

}  // namespace
}  // namespace slipway::test

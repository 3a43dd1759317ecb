// POST /v1/apply, and what else the command needs of the API.
#include <gmock/gmock.h>

#include "server/token_text.h"
#include "test/server/api_rig.h"

namespace slipway::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class HttpApply : public ApiRig {
 protected:
  HttpAnswer apply(const std::string& token, const json& items, json more = json::object()) {
    more["items"] = items;
    return ask(token, "POST", "/v1/apply", more.dump(), {{"Content-Type", "application/json"}});
  }
  HttpAnswer post(const std::string& token, const std::string& target, const json& body) {
    return ask(token, "POST", target, body.dump(), {{"Content-Type", "application/json"}});
  }
  std::string count(const std::string& what) { return sql_.value("SELECT count(*) FROM slipway." + what); }
};

json agent(const std::string& name) {
  return {{"kind", "Agent"}, {"metadata", {{"name", name}}}, {"spec", {{"image", "a:1"}}}};
}
json entitlement(const std::string& user, const std::string& of) {
  return {
      {"kind", "Entitlement"}, {"metadata", {{"name", "new"}}}, {"spec", {{"user", user}, {"agent", of}}}};
}
json execution(const std::string& user, const std::string& of, const json& input = json::object()) {
  return {{"kind", "Execution"}, {"spec", {{"user", user}, {"agent", of}, {"input", input}}}};
}
json list(std::initializer_list<json> items) {
  auto all = json::array();
  for (const auto& item : items) all.push_back(item);
  return all;
}

TEST_F(HttpApply, WritesAllOrNothing) {
  const auto all = list({agent("fresh"), entitlement("u-9", "fresh"), execution("u-9", "fresh")});
  const auto made = apply(admin_, all);
  ASSERT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(made.json()["items"][0]["what"], "created");
  EXPECT_EQ(made.json()["items"][2]["name"], made.json()["items"][2]["id"]);
  const auto again = apply(admin_, list({agent("other"), agent("fresh")}),
                           {{"createOnly", true}, {"sources", {"a.yaml:1", "b.yaml:7"}}});
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.json()["detail"], "b.yaml:7: agent/fresh already exists");
  EXPECT_EQ(count("agents WHERE name = 'other'"), "0");
  const auto refused = apply(admin_, list({agent("other"), execution("u-8", "fresh")}));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.json()["code"], "EntitlementMissing");
  EXPECT_EQ(refused.json()["errors"][0]["pointer"], "/items/1");
  EXPECT_EQ(count("agents WHERE name = 'other'"), "0");
}

TEST_F(HttpApply, ADryRunSaysWhatWouldBeRefused) {
  const auto tried =
      apply(admin_, list({agent("fresh"), execution("u-1", "echo", {{"symbol", 1}})}), {{"dryRun", true}});
  ASSERT_EQ(tried.status, 200) << tried.body;
  EXPECT_FALSE(tried.json()["items"][0].contains("refusal"));
  EXPECT_EQ(tried.json()["items"][1]["refusal"]["code"], "InputInvalid");
  EXPECT_EQ(count("agents WHERE name = 'fresh'"), "0");
  EXPECT_EQ(count("executions"), "0");
}

TEST_F(HttpApply, EachRoleAppliesWhatItMay) {
  for (const auto* token : {&user_, &service_}) {
    const auto answer = apply(*token, list({execution("u-1", "echo"), agent("fresh")}));
    EXPECT_EQ(answer.status, 403);
    EXPECT_EQ(answer.json()["errors"][0]["pointer"], "/items/1");
    EXPECT_EQ(apply(*token, list({execution("u-1", "echo")})).status, 200);
  }
  const auto others = apply(user_, list({execution("u-2", "echo")}));
  EXPECT_EQ(others.status, 403);
  EXPECT_EQ(others.json()["errors"][0]["pointer"], "/items/0/spec/user");
  EXPECT_EQ(apply(reader_, list({execution("u-1", "echo")})).status, 403);
  EXPECT_EQ(count("executions WHERE user_id = 'u-1'"), "2");
}

TEST_F(HttpApply, WhatIsNoApplicationIsRefused) {
  EXPECT_EQ(post(admin_, "/v1/apply", json::object()).status, 422);
  EXPECT_EQ(apply(admin_, json::array()).status, 422);
  EXPECT_EQ(apply(admin_, list({1})).status, 422);
  EXPECT_EQ(apply(admin_, list({{{"kind", "Pod"}}})).status, 422);
  EXPECT_EQ(apply(admin_, list({agent("x")}), {{"dryRun", "yes"}}).status, 422);
  const auto wrong = apply(
      admin_,
      list({agent("x"), {{"kind", "Agent"}, {"metadata", {{"name", "y"}}}, {"spec", {{"imagee", "a"}}}}}));
  EXPECT_EQ(wrong.status, 422);
  EXPECT_THAT(wrong.json()["errors"][0]["pointer"].get<std::string>(), HasSubstr("/items/1/spec"));
  EXPECT_EQ(ask(admin_, "POST", "/v1/apply", R"({"items": []})", {{"Content-Type", "text/plain"}}).status,
            415);
}

TEST_F(HttpApply, AnInputKeepsItsDigits) {
  const auto answer =
      ask(admin_, "POST", "/v1/apply",
          R"({"items": [{"kind": "Execution", "metadata": {"name": "n"}, "spec": {"user": "u-1", )"
          R"("agent": "echo", "input": {"x": 1.50}}}]})",
          {{"Content-Type", "application/json"}});
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(sql_.value("SELECT input::text FROM slipway.executions WHERE name = 'n'"), R"({"x": 1.50})");
}

TEST_F(HttpApply, AnExecutionsStandingIsToldInShort) {
  const auto id = submit("u-1");
  auto standing = ask(user_, "GET", "/v1/executions/" + id + "/status").json();
  EXPECT_EQ(standing["status"], "PENDING");
  EXPECT_EQ(standing["converged"], false);
  EXPECT_EQ(ask(other_, "GET", "/v1/executions/" + id + "/status").status, 404);
  finish(id);
  standing = ask(user_, "GET", "/v1/executions/" + id + "/status").json();
  EXPECT_EQ(standing["exitCode"], 0);
}

TEST_F(HttpApply, ListsTakeSelectorsAndNames) {
  sql_.exec(
      "INSERT INTO slipway.executions (name, user_id, agent, input, labels) VALUES "
      "('a', 'u-1', 'echo', '{}', '{\"team\": \"quant\"}'), ('a', 'u-2', 'echo', '{}', '{\"team\": "
      "\"web\"}'), "
      "('b', 'u-1', 'echo', '{}', '{}')");
  const auto total = [&](const std::string& token, const std::string& query) {
    const auto answer = ask(token, "GET", "/v1/executions?" + query).json();
    EXPECT_EQ(answer["total"], answer["items"].size()) << query;
    return answer["items"].size();
  };
  EXPECT_EQ(total(admin_, "label=team"), 2U);
  EXPECT_EQ(total(admin_, "label=!team"), 1U);
  EXPECT_EQ(total(admin_, "label=team%20in%20(quant,x)"), 1U);
  EXPECT_EQ(total(admin_, "label=team!=quant"), 2U);
  EXPECT_EQ(total(admin_, "label=team=quant,team=web"), 0U);
  EXPECT_EQ(total(admin_, "name=a"), 2U);
  EXPECT_EQ(total(user_, "name=a"), 1U);
  EXPECT_EQ(total(user_, "name=b&label=team=quant"), 0U);
  EXPECT_EQ(ask(admin_, "GET", "/v1/executions?label==x").status, 400);
}

TEST_F(HttpApply, TheCallerIsToldWhoItIs) {
  const auto user = ask(user_, "GET", "/v1/whoami").json();
  EXPECT_EQ(user["role"], "user");
  EXPECT_EQ(user["user"], "u-1");
  EXPECT_FALSE(ask(admin_, "GET", "/v1/whoami").json().contains("user"));
}

TEST_F(HttpApply, ATokenMadeElsewhereIsKnownByItsHash) {
  const auto text = server::new_token(), id = server::new_token_id();
  const json body = {{"role", "reader"}, {"id", id}, {"sha256", server::sha256_hex(text)}};
  const auto made = post(admin_, "/v1/tokens", body);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_FALSE(made.json().contains("token"));
  EXPECT_EQ(ask(text, "GET", "/v1/whoami").json()["id"], id);
  EXPECT_EQ(post(admin_, "/v1/tokens", body).status, 409);
  EXPECT_EQ(post(admin_, "/v1/tokens", {{"role", "reader"}, {"id", id}}).status, 422);
  EXPECT_EQ(post(admin_, "/v1/tokens", {{"role", "reader"}, {"id", id}, {"sha256", "00"}}).status, 422);
}

TEST_F(HttpApply, ForceFinishNeedsALostNodeAndAReason) {
  const auto id = submit("u-1");
  EXPECT_EQ(post(admin_, "/v1/executions/" + id + "/force-finish", {{"reason", "x"}}).status, 409);
  EXPECT_EQ(post(admin_, "/v1/executions/" + id + "/force-finish", json::object()).status, 422);
  EXPECT_EQ(post(service_, "/v1/executions/" + id + "/force-finish", {{"reason", "x"}}).status, 403);
}

}  // namespace
}  // namespace slipway::test

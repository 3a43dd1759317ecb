#include "api/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway {
namespace {

using nlohmann::json;
using testing::ElementsAre;

std::vector<std::string> errors_of(const char* text) {
  std::vector<std::string> lines;
  for (const auto& error : parse_agent_spec(json::parse(text)).errors)
    lines.push_back(error.path + ": " + error.message);
  return lines;
}

TEST(AgentSpec, OnlyTheImageIsNeeded) {
  const auto [spec, errors] = parse_agent_spec(json::parse(R"({"image": "momentum"})"));
  EXPECT_TRUE(errors.empty());
  AgentSpec expected;
  expected.image = "momentum";
  EXPECT_EQ(spec, expected);
}

TEST(AgentSpec, MaxTimeoutIsTimeoutUnlessSaid) {
  EXPECT_EQ(parse_agent_spec(json::parse(R"({"image": "x", "timeout": "10m"})")).spec.max_timeout,
            std::chrono::minutes(10));
  EXPECT_EQ(parse_agent_spec(json::parse(R"({"image": "x", "timeout": 7})")).spec.max_timeout,
            std::chrono::seconds(7));
}

TEST(AgentSpec, WhatIsWrittenIsReadBack) {
  const auto [spec, errors] = parse_agent_spec(json::parse(R"({
    "image": "127.0.0.1:5000/momentum@sha256:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", "imagePullPolicy": "Always", "command": ["/bin/momentum"], "args": ["-v", ""],
    "env": [{"name": "MODE", "value": "fast"}, {"name": "EMPTY"}],
    "resources": {"limits": {"cpu": 0.5, "memory": 65536000, "pids": 12, "output": "1Mi", "scratch": "8Mi", "logs": "64Ki"}},
    "timeout": "5m", "maxTimeout": "15m", "maxConcurrent": 8, "securityContext": {"runAsUser": 1000, "runAsGroup": 1001},
    "runtimeClassName": "gvisor", "inputSchema": {"type": "object"}, "outputSchema": true, "price": "0.05", "owner": "u-7", "partialResults": "submitter",
    "retry": {"limit": 2, "nodeLost": true}, "terminationGracePeriod": "3s", "suspend": true})"));
  ASSERT_TRUE(errors.empty()) << errors.front().path << errors.front().message;
  EXPECT_EQ(spec.limits.memory, 65536000);
  EXPECT_EQ(spec.env.at(1), std::make_pair(std::string("EMPTY"), std::string()));
  const auto again = parse_agent_spec(to_json(spec));
  EXPECT_TRUE(again.errors.empty());
  EXPECT_EQ(again.spec, spec);
  EXPECT_EQ(to_json(again.spec), to_json(spec));
}

TEST(AgentSpec, EveryErrorIsReportedAtOnceWithItsPath) {
  EXPECT_THAT(
      errors_of(
          R"({"imagePullPolicy": "Sometimes", "timeout": "-5m", "resources": {"limits": {"cpu": "fast", "memory": "1Mi"}},
                    "env": [{"name": "A", "value": 3}], "price": 0.05})"),
      ElementsAre("spec.image: is required",
                  R"(spec.imagePullPolicy: expected IfNotPresent, Always or Never, got "Sometimes")",
                  "spec.env[0].value: expected text, got 3",
                  R"(spec.resources.limits.cpu: expected a quantity of cores such as 500m or 2, got "fast")",
                  R"(spec.resources.limits.memory: expected a quantity between 6Mi and 4Ti, got "1Mi")",
                  R"(spec.timeout: expected a duration such as 5m, 1h30m or whole seconds, got "-5m")",
                  R"(spec.price: expected a decimal in quotes such as "0.05", got 0.05)"));
}

TEST(AgentSpec, AnOwnerIsAUserAndPartialResultsAreSomebodys) {
  EXPECT_THAT(errors_of(R"({"image": "x", "owner": "*", "partialResults": "all"})"),
              ElementsAre(R"(spec.owner: expected the id of a user, got "*")",
                          R"(spec.partialResults: expected owner or submitter, got "all")"));
  EXPECT_THAT(errors_of(R"({"image": "x", "owner": null, "partialResults": "owner"})"), ElementsAre());
}

TEST(AgentSpec, UnknownFieldsAreRefusedWithTheNearestName) {
  EXPECT_THAT(errors_of(R"({"image": "x", "comand": [], "time_out": 5, "retry": {"zebra": 1}})"),
              ElementsAre("spec.retry.zebra: unknown field; expected one of limit, nodeLost",
                          R"(spec.comand: unknown field; did you mean "command"?)",
                          R"(spec.time_out: unknown field; did you mean "timeout"?)"));
  EXPECT_THAT(errors_of(R"({"image": "x", "resources": {"limits": {"Memory": "1Gi"}}})"),
              ElementsAre(R"(spec.resources.limits.Memory: unknown field; did you mean "memory"?)"));
}

TEST(AgentSpec, WhatTheSandboxForbidsIsRefusedWithTheReason) {
  EXPECT_THAT(
      errors_of(
          R"({"image": "x", "network": "host", "securityContext": {"runAsUser": 0, "privileged": true}})"),
      ElementsAre("spec.securityContext.runAsUser: expected a whole number between 1 and 2147483647, got 0",
                  "spec.securityContext.privileged: no container is privileged",
                  "spec.network: containers have no network; remove this field"));
  EXPECT_THAT(
      errors_of(
          R"({"image": "x", "env": [{"name": "SLIPWAY_X"}, {"name": "A"}, {"name": "A"}, {"name": "1"}]})"),
      ElementsAre(R"(spec.env[0].name: "SLIPWAY_X" is set by Slipway)",
                  R"(spec.env[2].name: "A" is set twice)",
                  R"(spec.env[3].name: expected letters, digits and _, got "1")"));
}

TEST(AgentSpec, BoundsHold) {
  EXPECT_THAT(errors_of(R"({"image": "x", "timeout": 0})"),
              ElementsAre("spec.timeout: expected a duration between 1s and 168h, got 0"));
  EXPECT_THAT(errors_of(R"({"image": "x", "timeout": "500ms"})"),
              ElementsAre(R"(spec.timeout: expected a duration of whole seconds, got "500ms")"));
  EXPECT_THAT(errors_of(R"({"image": "x", "timeout": "10m", "maxTimeout": "5m"})"),
              ElementsAre("spec.maxTimeout: must not be below timeout (10m), got 5m"));
  EXPECT_THAT(
      errors_of(R"({"image": "a b", "maxConcurrent": 18446744073709551615, "retry": {"limit": 1.5}})"),
      ElementsAre(
          R"(spec.image: expected an image such as registry/name:tag or name@sha256:…, got "a b": every part of the name must be small letters and digits, joined by . _ __ or -)",
          "spec.maxConcurrent: expected a whole number between 1 and 1000000, got 18446744073709551615",
          "spec.retry.limit: expected a whole number between 0 and 10, got 1.5"));
  EXPECT_THAT(errors_of(R"({"image": "x", "command": ["a\u0000b"], "args": "-v"})"),
              ElementsAre("spec.command[0]: must not hold a NUL character",
                          R"(spec.args: expected a list, got "-v")"));
}

TEST(AgentSpec, AnythingButAnObjectIsRefused) {
  EXPECT_THAT(errors_of("[]"), ElementsAre("spec: expected an object, got a list of 0"));
  EXPECT_THAT(errors_of(R"({"image": "x", "env": [7], "resources": [], "inputSchema": 3})"),
              ElementsAre("spec.env[0]: expected an object with name and value, got 7",
                          "spec.resources: expected an object, got a list of 0",
                          "spec.inputSchema: expected a JSON Schema (an object), got 3"));
}

}  // namespace
}  // namespace slipway

#include "api/kinds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/timestamp.h"

namespace slipway {
namespace {

using testing::ElementsAre;

std::vector<std::string> errors_of(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto& error : parse_objects({parse_yaml(text, "a.yaml")}).errors)
    lines.push_back(to_string(error));
  return lines;
}

constexpr auto kAll = R"(# the example of the contract
apiVersion: slipway.dev/v1alpha1
kind: Agent
metadata: {name: momentum, labels: {team: quant, "slipway.dev/tier": gold}}
spec:
  image: 127.0.0.1:5000/momentum:1
  resources: {limits: {cpu: 500m, memory: 512Mi}}
  timeout: 5m
---
apiVersion: slipway.dev/v1alpha1
kind: Entitlement
metadata: {name: u-42-momentum}
spec: {user: u-42, agent: momentum, uses: 100, expires: 2027-01-01T00:00:00Z}
---
apiVersion: slipway.dev/v1alpha1
kind: Quota
metadata: {name: "*"}
spec: {user: "*", perMinute: 60, maxRunning: 4, maxQueued: 1000, maxPriority: 0}
---
apiVersion: slipway.dev/v1alpha1
kind: Execution
metadata: {name: morning-run}
spec: {user: u-42, agent: momentum, input: {symbol: ETH, n: 1.5, no: no}, timeout: 2m, notBefore: "2027-01-01T01:00:00+01:00"}
)";

TEST(Kinds, TheContractsExampleIsRead) {
  const auto [objects, errors] = parse_objects({parse_yaml(kAll, "a.yaml")});
  ASSERT_TRUE(errors.empty()) << to_string(errors.front());
  ASSERT_EQ(objects.size(), 4U);
  EXPECT_EQ(objects[0].labels.at("slipway.dev/tier"), "gold");
  EXPECT_EQ(std::get<AgentSpec>(objects[0].spec).timeout, std::chrono::minutes(5));
  EXPECT_EQ(format_timestamp(*std::get<EntitlementSpec>(objects[1].spec).expires), "2027-01-01T00:00:00Z");
  EXPECT_EQ(std::get<QuotaSpec>(objects[2].spec).per_minute, 60);
  const auto& execution = std::get<ExecutionSpec>(objects[3].spec);
  EXPECT_EQ(execution.input, R"({"n":1.5,"no":"no","symbol":"ETH"})");
  EXPECT_EQ(execution.timeout, std::chrono::minutes(2));
  EXPECT_EQ(format_timestamp(*execution.not_before), "2027-01-01T00:00:00Z");
  EXPECT_EQ(objects[3].place.line, 19);
}

TEST(Kinds, ErrorsSayFileLineColumnPathAndExpectation) {
  EXPECT_THAT(
      errors_of(R"(apiVersion: slipway.dev/v1alpha1
kind: Agent
metadata:
  name: Momentum
  namespace: default
spec:
  image: momentum
  timeout: -5m
  resources:
    limits: {cpu: fast, mem: 1Gi}
  env:
    - name: MODE
      value: 3
)"),
      ElementsAre(
          R"(a.yaml:4:3: metadata.name: expected a name of a-z, 0-9, - and . (a letter or digit at both ends, at most 63 between dots), got "Momentum")",
          "a.yaml:5:3: metadata.namespace: there are no namespaces: users are the tenants; remove this field",
          R"(a.yaml:8:3: spec.timeout: expected a duration such as 5m, 1h30m or whole seconds, got "-5m")",
          R"(a.yaml:10:14: spec.resources.limits.cpu: expected a quantity of cores such as 500m or 2, got "fast")",
          R"(a.yaml:10:25: spec.resources.limits.mem: unknown field; did you mean "memory"?)",
          "a.yaml:13:7: spec.env[0].value: expected text, got 3"));
}

TEST(Kinds, KindAndVersionAreChecked) {
  EXPECT_THAT(
      errors_of("apiVersion: v1\nkind: Agnet\nmetadata: {name: a}\nspec: {}\n"),
      ElementsAre(
          R"(a.yaml:1:1: apiVersion: expected slipway.dev/v1alpha1, got "v1")",
          R"(a.yaml:2:1: kind: expected Agent, Entitlement, Quota or Execution, got "Agnet"; did you mean "Agent"?)"));
  EXPECT_THAT(
      errors_of("just text\n"),
      ElementsAre(
          R"(a.yaml:1:1: expected an object with apiVersion, kind, metadata and spec, got "just text")"));
  EXPECT_THAT(errors_of("apiVersion: slipway.dev/v1alpha1\nkind: Quota\nmeta: {}\n"),
              ElementsAre("a.yaml:1:1: metadata: is required", "a.yaml:1:1: spec: is required",
                          R"(a.yaml:3:1: meta: unknown field; did you mean "metadata"?)"));
}

TEST(Kinds, AnExecutionNamesUserAgentAndInput) {
  EXPECT_THAT(
      errors_of(
          "apiVersion: slipway.dev/v1alpha1\nkind: Execution\nmetadata: {name: a, generateName: b-}\nspec:\n"
          "  user: '*'\n  agent: x y\n  timeout: 1ms\n  cancel: yes\n"),
      ElementsAre(
          "a.yaml:3:21: metadata.generateName: expected either name or generateName",
          "a.yaml:4:1: spec.input: is required",
          R"(a.yaml:5:3: spec.user: expected 1 to 128 printable characters except *, got "*")",
          R"(a.yaml:6:3: spec.agent: expected a name of a-z, 0-9, - and . (a letter or digit at both ends, at most 63 between dots), got "x y")",
          R"(a.yaml:7:3: spec.timeout: expected a duration of whole seconds, got "1ms")",
          R"(a.yaml:8:3: spec.cancel: expected true or false, got "yes")"));
}

TEST(Kinds, TheSameObjectTwiceIsAnError) {
  const auto quota = "apiVersion: slipway.dev/v1alpha1\nkind: Quota\nmetadata: {name: u}\nspec: {user: u}\n";
  const auto answer = parse_objects({parse_yaml(quota, "a.yaml"), parse_yaml(quota, "b.yaml")});
  ASSERT_EQ(answer.errors.size(), 1U);
  EXPECT_EQ(to_string(answer.errors[0]), "b.yaml:3:12: metadata.name: quota/u was already given at a.yaml:3");
}

TEST(Timestamp, IsReadStrictlyAndWrittenBack) {
  for (const auto* text : {"2027-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2028-02-29T23:59:59.25Z"}) {
    EXPECT_EQ(format_timestamp(*parse_timestamp(text)), text);
  }
  for (const auto* text :
       {"", "2027-01-01", "2027-02-29T00:00:00Z", "2027-01-01T24:00:00Z", "2027-01-01T00:00:00",
        "2027-1-1T00:00:00Z", "2027-01-01T00:00:00.1234567Z", "2027-01-01T00:00:00Zx", "tomorrow"}) {
    EXPECT_FALSE(parse_timestamp(text)) << text;
  }
}

}  // namespace
}  // namespace slipway

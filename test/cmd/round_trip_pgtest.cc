// What `get -o yaml` prints is applied again, and nothing changes: every kind, with every field that can be
// set, and rows that came by SQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/command/command.h"
#include "test/support/postgres_server/postgres_server.h"

namespace slipway::test {
namespace {

using testing::HasSubstr;

constexpr auto kEverything = R"(apiVersion: slipway.dev/v1alpha1
kind: Agent
metadata: {name: momentum, labels: {team: quant, "slipway.dev/tier": "007"}}
spec:
  image: 127.0.0.1:5000/momentum:1
  imagePullPolicy: Always
  command: ["/bin/momentum", "- a", "#b", ""]
  args: [-v, "null", "1e3"]
  env: [{name: MODE, value: "multi\nline: [x"}, {name: EMPTY}]
  resources: {limits: {cpu: 1.5, memory: 65536000, pids: 12, output: 1Mi, scratch: 8Mi, logs: 64Ki}}
  timeout: 90
  maxTimeout: 1h30m
  maxConcurrent: 8
  securityContext: {runAsUser: 1000, runAsGroup: 1001}
  runtimeClassName: gvisor
  inputSchema: {type: object, properties: {"odd: key": {const: "yes"}, n: {multipleOf: 0.1}}}
  outputSchema: true
  price: "0.050"
  retry: {limit: 2, nodeLost: true}
  terminationGracePeriod: 3s
  suspend: true
---
apiVersion: slipway.dev/v1alpha1
kind: Agent
metadata: {name: plain}
spec: {image: m}
---
apiVersion: slipway.dev/v1alpha1
kind: Entitlement
metadata: {name: bounded}
spec: {user: u-42, agent: momentum, uses: 100, expires: 2099-01-01T00:00:00.25+02:00}
---
apiVersion: slipway.dev/v1alpha1
kind: Entitlement
metadata: {name: "CLX_09 87:ä"}
spec: {user: "user: #1", agent: momentum}
---
apiVersion: slipway.dev/v1alpha1
kind: Quota
metadata: {name: "*"}
spec: {user: "*", perMinute: 60, maxRunning: 0, maxQueued: 1000, maxPriority: -3}
---
apiVersion: slipway.dev/v1alpha1
kind: Quota
metadata: {name: "42"}
spec: {user: "42"}
---
apiVersion: slipway.dev/v1alpha1
kind: Execution
metadata: {name: everything, labels: {run: "1"}}
spec:
  user: u-42
  agent: momentum
  input: {text: "a\tb\u007f\u2028 - {", n: [1, 2.50, -0.0, 1e22, 18446744073709551615, null, true], "": {}, e: []}
  entitlement: bounded
  priority: -3
  timeout: 2m
  notBefore: 2098-01-01T00:00:00Z
  startDeadline: 2098-01-02T00:00:00+01:00
  retryLimit: 0
  ttlAfterFinished: 24h
  traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
  cancel: true
---
apiVersion: slipway.dev/v1alpha1
kind: Execution
metadata: {name: null-input}
spec: {user: u-42, agent: plain, input: null}
)";

class RoundTrip : public testing::Test {
 protected:
  RoundTrip() : url_(PostgresServer::shared().create_migrated_database()), sql_(url_) {}

  Ran slipway(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), built("cmd/slipway/slipway"));
    return run(std::move(arguments), {{"SLIPWAY_DATABASE_URL", url_}, {"USER", "u-42"}}, input);
  }
  // What the second application of what was printed says.
  std::string again(const std::string& kind) {
    const auto printed = slipway({"get", kind, "-o", "yaml"});
    EXPECT_EQ(printed.exit_code, 0) << printed.err;
    const auto applied = slipway({"apply", "-f", "-"}, printed.out);
    EXPECT_EQ(applied.exit_code, 0) << applied.err << printed.out;
    return applied.out;
  }

  std::string url_;
  Sql sql_;
};

TEST_F(RoundTrip, EveryFieldOfEveryKindComesBackUnchanged) {
  const auto first = slipway({"apply", "-f", "-"}, kEverything);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(again("agents"), "agent/momentum unchanged\nagent/plain unchanged\n");
  EXPECT_EQ(again("entitlements"), "entitlement/CLX_09 87:ä unchanged\nentitlement/bounded unchanged\n");
  EXPECT_EQ(again("quotas"), "quota/* unchanged\nquota/42 unchanged\n");
  EXPECT_EQ(again("executions"), "execution/null-input unchanged\nexecution/everything unchanged\n");
  EXPECT_EQ(
      slipway({"get", "ex", "everything", "-o", "jsonpath={.spec.timeout} {.spec.ttlAfterFinished}"}).out,
      "2m 24h")
      << "as docs/yaml.md writes durations";
  const auto second = slipway({"apply", "-f", "-"}, kEverything);
  EXPECT_EQ(second.out.find("created"), std::string::npos) << second.out;
  EXPECT_EQ(second.out.find("configured"), std::string::npos) << second.out;
}

TEST_F(RoundTrip, RowsThatCameBySqlComeBackUnchanged) {
  sql_.exec(R"(
    INSERT INTO slipway.entitlements (id, user_id, agent, uses) VALUES ('Seller/0987', 'u-42', 'a', 0);
    INSERT INTO slipway.quotas (user_id, max_running) VALUES ('Ünser Nutzer', 3);
    INSERT INTO slipway.executions (name, user_id, agent, input, timeout_seconds, ttl_seconds_after_finished)
      VALUES ('one', 'u-42', 'a', '{"s": 1.10}', 30, 0);
    INSERT INTO slipway.agents (name, spec) VALUES ('seconds', '{"image": "m", "timeout": 90, "maxTimeout": 5400}'))");
  EXPECT_EQ(again("entitlements"), "entitlement/Seller/0987 unchanged\n");
  EXPECT_EQ(again("quotas"), "quota/* unchanged\nquota/Ünser Nutzer unchanged\n");
  EXPECT_EQ(again("executions"), "execution/one unchanged\n");
  EXPECT_EQ(slipway({"get", "ex", "one", "-o", "jsonpath={.spec.timeout} {.spec.ttlAfterFinished}"}).out,
            "30s 0s");
  EXPECT_EQ(slipway({"get", "ag", "seconds", "-o", "jsonpath={.spec.timeout} {.spec.maxTimeout}"}).out,
            "1m30s 1h30m");
}

}  // namespace
}  // namespace slipway::test

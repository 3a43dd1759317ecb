// The rules for an agent's spec stand twice: in the parser (api/agent.cc), which every door but SQL goes
// through, and in the table (api/schemas/0002_agents.sql). Generated specs are put to both.
#include "api/agent.h"
#include "test/store/store_rig.h"

namespace slipway::test {
namespace {

using nlohmann::json;

const char* const kPaths[] = {"",
                              "/image",
                              "/imagePullPolicy",
                              "/command",
                              "/args",
                              "/env",
                              "/env/0",
                              "/env/0/name",
                              "/env/0/value",
                              "/env/0/valueFrom",
                              "/resources",
                              "/resources/requests",
                              "/resources/limits",
                              "/resources/limits/cpu",
                              "/resources/limits/memory",
                              "/resources/limits/pids",
                              "/resources/limits/output",
                              "/resources/limits/scratch",
                              "/resources/limits/logs",
                              "/resources/limits/gpu",
                              "/timeout",
                              "/maxTimeout",
                              "/terminationGracePeriod",
                              "/maxConcurrent",
                              "/runtimeClassName",
                              "/suspend",
                              "/securityContext",
                              "/securityContext/runAsUser",
                              "/securityContext/runAsGroup",
                              "/securityContext/privileged",
                              "/price",
                              "/owner",
                              "/partialResults",
                              "/retry",
                              "/retry/limit",
                              "/retry/nodeLost",
                              "/network",
                              "/gpu",
                              "/inputSchema",
                              "/outputSchema"};
const char* const kValues[] = {
    "null",
    "true",
    "false",
    R"("")",
    R"("x")",
    R"("maybe")",
    R"("a/b:c@sha256:0")",
    R"("docker.io/MyOrg/App:1")",
    R"("a//b")",
    R"("http://x/y:1")",
    R"("echo@1")",
    R"("reg.io:5/a:T")",
    R"("sha256:abc")",
    R"("[::1]:5/a")",
    R"("a__b.c/d")",
    R"("sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")",
    R"("a:b@sha256:0000000000000000000000000000000000000000000000000000000000000000")",
    R"("localhost/a")",
    R"("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")",
    R"("a:tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt")",
    R"("a:ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt")",
    R"("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")",
    R"("a-/b")",
    R"("a.b")",
    R"("-a")",
    R"("/a")",
    R"("a/")",
    R"("A B")",
    R"("Always")",
    R"("submitter")",
    R"("owner")",
    R"("*")",
    R"("a*")",
    R"("é")",
    R"("HOME")",
    R"("SLIPWAY_X")",
    R"("_a1")",
    R"("1a")",
    R"("a-b")",
    R"("a\n")",
    "0",
    "1",
    "-1",
    "10",
    "11",
    "300",
    "3600",
    "3601",
    "4096",
    "32768",
    "32769",
    "1000000",
    "1000001",
    "2147483647",
    "2147483648",
    "3000000000",
    "99999999999999999999",
    "1.5",
    "0.5",
    "1.0",
    "0.0005",
    "1e3",
    "1e400",
    R"("5")",
    R"("0.5")",
    R"("0.5555")",
    R"(".5")",
    R"("5.")",
    R"("500m")",
    R"("0m")",
    R"("9m")",
    R"("512")",
    R"("513")",
    R"("4Ki")",
    R"("4095")",
    R"("6Mi")",
    R"("64Mi")",
    R"("65Mi")",
    R"("4096Gi")",
    R"("4097Gi")",
    R"("1e3")",
    R"("5k")",
    R"("70T")",
    R"("9223372036854775808")",
    R"("1h30m")",
    R"("30m1h")",
    R"("1s")",
    R"("2m")",
    R"("1500ms")",
    R"("2000ms")",
    R"("5ms")",
    R"("100000s")",
    R"("99999s")",
    R"("168h")",
    R"("604801")",
    R"("0s")",
    R"("1h1h")",
    R"("0.05")",
    R"("1234567890123")",
    R"("0.1234567")",
    "[]",
    "{}",
    R"(["a"])",
    "[1]",
    "[null]",
    "[{}]",
    R"([{"name": "A"}])",
    R"([{"name": "A"}, {"name": "A"}])",
    R"([{"name": "A", "value": 1}])",
    R"([{"name": "A", "x": 1}])",
    R"({"limit": 1})",
    R"({"limits": null})",
    R"({"limits": {"cpu": "1"}})",
    R"({"runAsUser": 1})",
    R"({"x": 1})"};

const char* const kWhole =
    R"({"image": "echo:1", "timeout": "1m", "maxTimeout": "2m", "env": [{"name": "A", "value": "b"}],
  "resources": {"limits": {"cpu": "1"}}, "securityContext": {"runAsUser": 5}, "retry": {"limit": 1}})";

class AgentRules : public StoreRig {
 protected:
  /// As the table would keep it, which is what a daemon reads; empty for what is no jsonb.
  std::string stored(const std::string& text) {
    return sql_->fails_with("SELECT $1::jsonb", {text}).empty() ? sql_->value("SELECT $1::jsonb", {text})
                                                                : "";
  }
  bool readable(const std::string& text) {
    const auto spec = json::parse(text, nullptr, false);
    return !spec.is_discarded() && parse_agent_spec(spec).errors.empty();
  }
};

TEST_F(AgentRules, AreTheSameInTheTable) {
  int taken = 0;
  int refused = 0;
  for (const std::string path : kPaths) {
    for (const std::string value : kValues) {
      if (path.ends_with("Schema") && json::parse(value, nullptr, false).is_object())
        continue;  // a compiler's affair
      auto spec = json::parse(kWhole);
      spec[json::json_pointer(path)] = "PUT HERE";
      auto text = spec.dump();
      text.replace(text.find("\"PUT HERE\""), 10, value);
      text = stored(text);
      ASSERT_FALSE(text.empty()) << path << " " << value;
      const auto state = sql_->fails_with("SELECT slipway.refuse_bad_spec($1::jsonb)", {text});
      EXPECT_EQ(state, readable(text) ? "" : "23514") << path << " = " << value;
      ++(state.empty() ? taken : refused);
    }
  }
  EXPECT_GT(taken, 300);
  EXPECT_GT(refused, 1000);
}

TEST_F(AgentRules, HoldAtTheTableForEveryWriter) {
  for (const auto* spec :
       {R"({"image": "echo:1", "maxConcurrent": "x"})", R"({"image": "echo:1", "maxConcurrent": 1.5})",
        R"({"image": "echo:1", "maxConcurrent": 3000000000})",
        R"({"image": "echo:1", "maxConcurrent": 1e400})", R"({"image": "echo:1", "suspend": "maybe"})"}) {
    EXPECT_EQ(sql_->fails_with("INSERT INTO slipway.agents (name, spec) VALUES ('bad', $1)", {spec}), "23514")
        << spec;
    EXPECT_EQ(sql_->fails_with("UPDATE slipway.agents SET spec = $1 WHERE name = 'echo'", {spec}), "23514")
        << spec;
  }
}

// What came past the rules: from a dump, or while a trigger was off.
TEST_F(AgentRules, ABadSpecHoldsUpNobodyElse) {
  const auto good = queued();
  for (const auto* spec :
       {R"({"image": "i", "maxConcurrent": "x"})", R"({"image": "i", "maxConcurrent": 1.5})",
        R"({"image": "i", "maxConcurrent": 3000000000})", R"({"image": "i", "maxConcurrent": 1e400})",
        R"({"image": "i", "suspend": "maybe"})"}) {
    sql_->query("DELETE FROM slipway.agents WHERE name = 'bad'");
    sql_->exec("SET session_replication_role = replica");
    sql_->query("INSERT INTO slipway.agents (name, spec, revision) VALUES ('bad', $1, 1)", {spec});
    sql_->exec("SET session_replication_role = origin");
    const auto candidates = run(store_->list_candidates(10));
    ASSERT_TRUE(candidates.has_value()) << spec << candidates.error().message;
    EXPECT_EQ(*candidates, std::vector{good}) << spec;
    ASSERT_TRUE(run(store_->explain_waiting(true)).has_value()) << spec;
    const auto undecided = insert("u-2", "bad");
    EXPECT_EQ(run(store_->list_undecided(10)).value().size(), 1U) << spec;
    ASSERT_EQ(
        run(store_->decide({{.id = undecided, .to = Stage::Finished, .reason = Reason::AgentSuspended}}))
            .value()
            .size(),
        1U);
  }
  EXPECT_EQ(store::taken(run(store_->claim({good})).value()).size(), 1U);
  EXPECT_EQ(sql_->value("SELECT string_agg(proname, ', ') FROM pg_proc WHERE pronamespace = "
                        "'slipway'::regnamespace AND prosrc ~ "
                        "'(maxConcurrent|suspend)''\\)::'"),
            "")
      << "casts a spec without asking what it holds";
}

}  // namespace
}  // namespace slipway::test

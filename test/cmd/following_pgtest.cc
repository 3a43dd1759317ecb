// What waits, follows or watches, while the rows change under it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "test/cmd/shop.h"

namespace slipway::test {
namespace {

using testing::HasSubstr;

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class BothWays : public testing::TestWithParam<Way> {};

TEST_P(BothWays, RunStreamsTheLogsAndEndsWithTheContainersCode) {
  Shop shop(GetParam());
  const auto command = shop.start("slipway run momentum --input '{}' --name live --follow");
  ASSERT_TRUE(eventually([&] { return holds(command->err(), "execution/live created\n"); }));
  shop.run_execution("live");
  shop.log("live", "early\n");
  ASSERT_TRUE(eventually([&] { return holds(command->err(), "early\n"); }));
  shop.log("live", "late\n", "stderr");
  shop.finish_execution("live", "FAILED", "NonZeroExit",
                        "fault = 'Agent', exit_code = 7, duration_ms = 2149");
  const auto ran = command->finish();
  EXPECT_EQ(ran.exit_code, 7);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err,
              HasSubstr("early\nlate\nslipway: execution/live FAILED: NonZeroExit (agent momentum, exit "
                        "code 7) after 2.1 s: It is over.\n"));
}

TEST_P(BothWays, AnInterruptedRunGoesOnAndSaysSo) {
  Shop shop(GetParam());
  const auto command = shop.start("slipway run momentum --input '{}' --name live --follow");
  ASSERT_TRUE(eventually([&] { return holds(command->err(), "created\n"); }));
  shop.run_execution("live");
  shop.log("live", "thinking\n");
  ASSERT_TRUE(eventually([&] { return holds(command->err(), "thinking\n"); }));
  command->signal(SIGINT);
  EXPECT_EQ(command->finish().exit_code, 130);
  const auto id =
      shop.sql().value("SELECT id FROM slipway.executions WHERE name = 'live' AND NOT cancel_requested");
  EXPECT_EQ(command->err(), "execution/live created\nthinking\nexecution/live goes on; `slipway logs -f " +
                                id + "` follows it, `slipway cancel " + id + "` stops it\n");
}

TEST_P(BothWays, RunPrintsTheResultAlone) {
  Shop shop(GetParam());
  const auto command = shop.start("slipway run agent/momentum --input '{}' --name live --follow");
  ASSERT_TRUE(eventually([&] { return holds(command->err(), "created\n"); }));
  shop.run_execution("live");
  shop.log("live", "thinking\n");
  shop.finish_execution("live", "COMPLETED", "Completed",
                        "output = '{\"signal\": \"buy\"}', exit_code = 0, duration_ms = 96");
  const auto ran = command->finish();
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out, "{\"signal\": \"buy\"}\n");
  EXPECT_THAT(ran.err, HasSubstr("thinking\nexecution/live COMPLETED (agent momentum) after 0.1 s\n"));
}

TEST_P(BothWays, AnEndSaysWhatItsReasonSpeaksOf) {
  Shop shop(GetParam());
  const struct {
    std::string name, status, reason, rest, words;
  } rows[] = {
      {"image", "FAILED", "ImageNotFound", "fault = 'Agent'",
       "FAILED: ImageNotFound (agent momentum, image m:1)"},
      {"late", "TIMEOUT", "DeadlineExceeded", "fault = 'Agent', timeout_seconds = 90, duration_ms = 90100",
       "TIMEOUT: DeadlineExceeded (agent momentum, timeout 1m30s) after 90.1 s"},
      {"right", "FAILED", "EntitlementExpired", "fault = 'Policy'",
       "FAILED: EntitlementExpired (user u-42, agent momentum)"},
      {"nothing", "FAILED", "OutputMissing", "fault = 'Agent', exit_code = 0, duration_ms = 4",
       "FAILED: OutputMissing (agent momentum) in less than 0.1 s"},
  };
  for (const auto& row : rows) {
    shop.sql().query(
        "INSERT INTO slipway.executions (name, user_id, agent, input) VALUES ($1, 'u-42', 'momentum', '1')",
        {row.name});
    shop.finish_execution(row.name, row.status, row.reason, row.rest);
    EXPECT_EQ(shop.run("slipway output " + row.name).err,
              "slipway: execution/" + row.name + " has no output: it is " + row.words + ": It is over.\n");
    EXPECT_THAT(shop.run("slipway describe ex/" + row.name).out,
                HasSubstr("\nEnded:    " + row.words + "\nEvents:"));
    EXPECT_THAT(shop.run("slipway wait --for=condition=Started " + row.name).err,
                HasSubstr("it ended " + row.words + " without becoming Started\n"));
  }
}

TEST(Following, TheWholeLogTakesThePlaceOfWhatWasWrittenLive) {
  Shop shop;
  shop.run_execution("third");
  shop.log("third", "one\n");
  shop.log("third", "two\n");
  const auto command = shop.start("slipway logs -f --since=1h third");
  ASSERT_TRUE(eventually([&] { return command->out() == "one\ntwo\n"; }));
  // As the node's last write does it: one chunk, whose time is that of its first line, long ago.
  shop.sql().exec(
      "BEGIN; DELETE FROM slipway.execution_log_chunks c USING slipway.executions e "
      "WHERE c.execution_id = e.id AND e.name = 'third'; COMMIT");
  shop.log("third", "one\ntwo\nthree\n", "stdout", "2 hours");
  shop.log("third", "four\n");
  shop.finish_execution("third", "COMPLETED", "Completed", "exit_code = 0");
  EXPECT_EQ(command->finish().exit_code, 0);
  EXPECT_EQ(command->out(), "one\ntwo\nthree\nfour\n");
}

TEST(Following, LogsGoOnWhereTheyStoodAfterTheDatabaseWasAway) {
  Shop shop;
  shop.run_execution("third");
  shop.log("third", "before\n");
  const auto command = shop.start("slipway logs -f --tail=1 third");
  ASSERT_TRUE(eventually([&] { return command->out() == "before\n"; }));
  shop.sql().exec(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'slipway' AND datname "
      "= "
      "current_database()");
  ASSERT_TRUE(eventually([&] { return holds(command->err(), "going on as soon as it answers"); }));
  shop.log("third", "after\n");
  ASSERT_TRUE(eventually([&] { return command->out() == "before\nafter\n"; }));
  shop.finish_execution("third", "COMPLETED", "Completed", "exit_code = 0");
  EXPECT_EQ(command->finish().exit_code, 0);
  EXPECT_EQ(command->out(), "before\nafter\n");
}

TEST_P(BothWays, AWatchPrintsALineForEachChangeAndEndsWithZero) {
  Shop shop(GetParam());
  const auto command = shop.start("slipway get executions --watch -o name");
  ASSERT_TRUE(eventually([&] { return holds(command->out(), "execution/first\n"); }));
  const auto before = command->out();
  shop.run_execution("third");
  ASSERT_TRUE(eventually([&] { return command->out() == before + "execution/third\n"; })) << command->out();
  shop.sql().exec("DELETE FROM slipway.executions WHERE name = 'second'");
  ASSERT_TRUE(eventually([&] { return command->err() == "execution/second is gone\n"; })) << command->err();
  command->signal(SIGINT);
  EXPECT_EQ(command->finish().exit_code, 0);
  EXPECT_EQ(command->out(), before + "execution/third\n");
}

TEST_P(BothWays, RowsOfAWatchStandUnderTheirHeadings) {
  Shop shop(GetParam());
  const auto command = shop.start("slipway get ex third -w");
  ASSERT_TRUE(eventually([&] { return holds(command->out(), "Queued"); }));
  shop.run_execution("third");
  ASSERT_TRUE(eventually([&] { return holds(command->out(), "Running"); }));
  command->signal(SIGTERM);
  EXPECT_EQ(command->finish().exit_code, 0);
  EXPECT_TRUE(fits("NAME *\nthird *PENDING *Queued *\nthird *RUNNING *Running *\n", command->out()))
      << command->out();
}

TEST_P(BothWays, AWaitEndsAtTheConditionOrWhenItCanNoLongerCome) {
  Shop shop(GetParam());
  const auto met = shop.start("slipway wait --for=condition=Started ex/third --timeout=30s");
  const auto value =
      shop.start("slipway wait --for=jsonpath={.status.reason}=Completed ex/third --timeout=1h");
  const auto gone = shop.start("slipway wait --for=delete ex/second --timeout=30s");
  shop.run_execution("third");
  EXPECT_EQ(met->finish().out, "execution/third condition met\n");
  shop.finish_execution("third", "TIMEOUT", "DeadlineExceeded", "fault = 'Agent'");
  EXPECT_EQ(value->finish().exit_code, 1);
  EXPECT_EQ(value->err(),
            "slipway: execution/third can no longer meet the condition: it is final, and there stands "
            "DeadlineExceeded\n");
  shop.sql().exec("DELETE FROM slipway.executions WHERE name = 'second'");
  EXPECT_EQ(gone->finish().out, "execution/second condition met\n");
  EXPECT_EQ(shop.run("slipway wait --for=condition=Ready node/n1").exit_code, 2);
  EXPECT_EQ(shop.run("slipway wait --for=jsonpath={.status.ready}=true node/n1").exit_code, 0);
}

TEST_P(BothWays, ACancellationIsRequestedAndItsEndWaitedFor) {
  Shop shop(GetParam());
  EXPECT_EQ(
      shop.run("slipway cancel third --wait --timeout=50ms").err,
      "slipway: execution/third has not ended after 50ms; it stays asked to stop (is a slipwayd running?)\n");
  const auto command = shop.start("slipway cancel execution/third --wait");
  ASSERT_TRUE(eventually([&] { return holds(command->out(), "requested before\n"); })) << command->err();
  EXPECT_FALSE(command->ended());
  shop.finish_execution("third", "FAILED", "Cancelled", "fault = 'User', duration_ms = 2140");
  EXPECT_EQ(command->finish().exit_code, 0);
  EXPECT_EQ(command->out(),
            "execution/third cancellation was requested before\n"
            "execution/third FAILED: Cancelled (agent momentum) after 2.1 s\n");
  EXPECT_EQ(shop.run("slipway cancel third --wait").exit_code, 1);
}

TEST_P(BothWays, DeletionOfAnUnfinishedExecutionWaitsForItsEnd) {
  Shop shop(GetParam());
  const auto command = shop.start("slipway delete ex/third --timeout=30s");
  ASSERT_TRUE(eventually([&] {
    return shop.sql().value("SELECT cancel_requested FROM slipway.executions WHERE name = 'third'") == "t";
  }));
  EXPECT_FALSE(command->ended());
  shop.finish_execution("third", "FAILED", "Cancelled", "fault = 'User'");
  EXPECT_EQ(command->finish().out, "execution/third deleted\n");
  EXPECT_EQ(shop.run("slipway delete ex/first --timeout=50ms").err,
            "slipway: execution/first has not converged after 50ms; it stays cancelled, try again later (is "
            "a slipwayd "
            "running?)\n");
}

/// As a node holds it that has claimed it.
void claim_by_hand(Shop& shop, const std::string& name) {
  shop.run_execution(name);
  const auto id = shop.sql().value("SELECT id FROM slipway.executions WHERE name = $1", {name});
  shop.sql().query(
      "INSERT INTO slipway.attempts (execution_id, attempt, node, epoch, claim_id) SELECT id, 1, 'n1', 1, "
      "claim_id FROM slipway.executions WHERE id = $1::uuid",
      {id});
  shop.sql().query(
      "INSERT INTO slipway.entitlement_spends (execution_id, entitlement_id, user_id, agent) VALUES "
      "($1::uuid, 'e-1', 'u-42', 'momentum')",
      {id});
  shop.sql().exec("UPDATE slipway.entitlements SET used = 5 WHERE id = 'e-1'");
}

constexpr const char* kEndOfThird =
    "SELECT concat_ws(' ', e.status, e.reason, e.fault, e.stage, e.live, a.detail, n.used, "
    "s.refund_reason) FROM slipway.executions e, slipway.attempts a, slipway.entitlements n, "
    "slipway.entitlement_spends s WHERE e.name = 'third'";

TEST_P(BothWays, ForceFinishEndsWhatANodeThatLivesCannot) {
  Shop shop(GetParam());
  claim_by_hand(shop, "third");
  const auto force = [&] { return shop.run("slipway force-finish third --reason='it is stuck'"); };
  EXPECT_THAT(force().err, HasSubstr("is alive or was until a moment ago; cancel the execution"));
  EXPECT_EQ(shop.run("slipway cancel third").exit_code, 0);
  EXPECT_EQ(force().exit_code, 1) << "the node has hardly heard of it";
  const auto set = [&](const std::string& column) {
    shop.sql().exec(
        "BEGIN; SELECT set_config('slipway.controller', 'on', true); UPDATE slipway.executions SET " +
        column + " WHERE name = 'third'; COMMIT");
  };
  const auto cancelled_before = [&](const std::string& ago) {
    set("conditions = conditions || jsonb_build_object('CancelRequested', clock_timestamp() - interval '" +
        ago + "')");
  };
  cancelled_before("60 seconds");
  EXPECT_EQ(force().exit_code, 1);
  cancelled_before("121 seconds");
  set("kill_at = now() + interval '1 minute'");
  EXPECT_EQ(force().exit_code, 1) << "it has been told to end, and has its grace";
  set("kill_at = now() - interval '3 minutes'");
  EXPECT_EQ(force().out, "execution/third finished\n");
  EXPECT_EQ(shop.sql().value(kEndOfThird),
            "FAILED EngineError Platform Finished t it is stuck 4 EngineError");
}

TEST_P(BothWays, ForceFinishEndsWhatALostNodeHolds) {
  Shop shop(GetParam());
  EXPECT_EQ(shop.run("slipway force-finish third --reason=x").exit_code, 1);  // on no node
  claim_by_hand(shop, "third");
  EXPECT_THAT(shop.run("slipway force-finish ex/third --reason=x").err,
              HasSubstr("node n1, which holds execution"));
  shop.sql().exec("UPDATE slipway.nodes SET heartbeat_at = now() - interval '16 s'");
  EXPECT_EQ(shop.run("slipway force-finish ex/third").exit_code, 2);
  EXPECT_EQ(shop.run("slipway force-finish ex/third --reason='the machine burnt'").out,
            "execution/third finished\n");
  EXPECT_EQ(shop.sql().value(kEndOfThird),
            "FAILED NodeLost Platform Finished t the machine burnt 4 NodeLost");
  EXPECT_THAT(shop.run("slipway force-finish third --reason=x").err, HasSubstr("is already FAILED"));
  // The node, should it come back, writes nothing over it: it stands elsewhere now.
  EXPECT_EQ(shop.sql().value(
                "SELECT written FROM slipway.executions e, LATERAL slipway.record_requeues('n1', 1, true, "
                "ARRAY[e.id], ARRAY[e.claim_id], ARRAY[0::bigint], 'Retrying', '') WHERE e.name = 'third'"),
            "f");
}

TEST_P(BothWays, TheSameRunAgainFindsWhatTheFirstOneMade) {
  Shop shop(GetParam());
  const std::string run = "slipway run momentum --name again --input ";
  EXPECT_EQ(shop.run(run + "'{\"n\": 1}'").out, "execution/again created\n");
  const auto again = shop.run(run + "'{ \"n\":1 }'");
  EXPECT_EQ(again.out, "execution/again unchanged\n") << again.err;
  EXPECT_EQ(again.exit_code, 0);
  const auto other = shop.run(run + "'{\"n\": 2}'");
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_EQ(other.err,
            "slipway: execution/again already exists with another spec.input; the same request again would "
            "find it, "
            "another needs another --name\n");
  EXPECT_EQ(shop.run("slipway run momentum --name again --user u-43 --input '{\"n\": 1}'").exit_code,
            GetParam() == Way::Http ? 1 : 0)
      << "another user's is another; there is no entitlement to it";
  shop.run_execution("again");
  shop.finish_execution("again", "COMPLETED", "Completed", "output = '{\"signal\": \"buy\"}', exit_code = 0");
  const auto followed = shop.run(run + "'{\"n\": 1}' --follow");
  EXPECT_EQ(followed.out, "{\"signal\": \"buy\"}\n");
  EXPECT_EQ(followed.err, "execution/again unchanged\nexecution/again COMPLETED (agent momentum)\n");
}

TEST_P(BothWays, ANameOfSeveralUsersIsToldWithTheirIds) {
  Shop shop(GetParam());
  shop.sql().exec(
      "INSERT INTO slipway.executions (name, user_id, agent, input) VALUES ('first', 'u-43', 'momentum', "
      "'1')");
  const auto ids = shop.sql().value(
      "SELECT string_agg(id || ' (user ' || user_id || ', ' || stage || ', ', '|' ORDER BY created_at DESC) "
      "FROM "
      "slipway.executions WHERE name = 'first'");
  const auto middle = ids.find('|');
  for (const auto* verb : {"why", "logs", "cancel", "output"}) {
    const auto ran = shop.run(std::string("slipway ") + verb + " first");
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_TRUE(fits("slipway: several users have an execution named \"first\"; give its id: " +
                         ids.substr(0, middle) + "*s old), " + ids.substr(middle + 1) + "*s old)\n",
                     ran.err))
        << ran.err;
  }
  shop.sql().exec(
      "INSERT INTO slipway.executions (name, user_id, agent, input) SELECT 'first', 'v-' || n, 'momentum', "
      "'1' FROM "
      "generate_series(1, 7) n");
  EXPECT_THAT(shop.run("slipway why first").err, HasSubstr(" old) and 4 more\n"));
}

TEST_P(BothWays, MoreThanTheAgentAllowsIsAWarningAndNoDifference) {
  Shop shop(GetParam());
  shop.write("long.yaml",
             "apiVersion: slipway.dev/v1alpha1\nkind: Execution\nmetadata: {name: long}\n"
             "spec: {user: u-42, agent: momentum, input: {}, timeout: 2h}\n");
  const std::string warning =
      "warning: execution/long: the timeout of 2h is above the agent's maxTimeout and is lowered to 5m\n";
  const auto tried = shop.run("slipway apply -f long.yaml --dry-run=server");
  EXPECT_EQ(tried.err, warning);
  EXPECT_EQ(tried.exit_code, 0);
  EXPECT_EQ(shop.run("slipway run momentum --input '{}' --name long --timeout 2h").err, warning);
  shop.sql().exec(
      "BEGIN; SET LOCAL slipway.controller = 'on'; UPDATE slipway.executions SET stage = 'Queued', "
      "agent_revision = 1, timeout_seconds = 300, retry_limit = 0 WHERE name = 'long'; COMMIT");
  const auto again = shop.run("slipway apply -f long.yaml");
  EXPECT_EQ(again.out, "execution/long unchanged\n");
  EXPECT_EQ(again.err, warning);
  const auto compared = shop.run("slipway diff -f long.yaml");
  EXPECT_EQ(compared.out, "");
  EXPECT_EQ(compared.exit_code, 0);
}

INSTANTIATE_TEST_SUITE_P(Following, BothWays, testing::Values(Way::Postgres, Way::Http),
                         [](const auto& way) { return way.param == Way::Http ? "Http" : "Postgres"; });

}  // namespace
}  // namespace slipway::test

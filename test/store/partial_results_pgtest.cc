// What a run that nobody pays for left of a result: its agent's owner's and the operators', never the
// submitter's. The SQL door; test/server and test/cmd walk the others.
#include "test/store/tenancy_rig.h"

namespace slipway::test {
namespace {

class PartialResults : public TenancyRig {
 protected:
  // u-1 asks; the agent is u-2's; the owner's role is rival, and desk reads for u-1.
  void agent(const std::string& more) {
    superuser().exec(R"(UPDATE slipway.agents SET spec = '{"image": "echo:1", "price": "0.05")" + more +
                     "}' WHERE name = 'echo'");
    revision_ = std::stoi(superuser().value("SELECT revision FROM slipway.agents WHERE name = 'echo'"));
  }
  Execution run_of(const std::string& user) {
    const auto id = insert(user);
    EXPECT_EQ(run(store_->decide(
                      {{.id = id, .agent_revision = revision_, .timeout_seconds = 60, .retry_limit = 2}}))
                  .value()
                  .size(),
              1U);
    EXPECT_EQ(store::taken(run(store_->claim({id})).value()).size(), 1U);
    const auto e = load(id);
    start(e);
    return e;
  }
  ExecutionId left(Reason reason, const std::string& user = "u-1") {
    const auto e = run_of(user);
    auto finish = end(e, Stage::Running, reason);
    finish.attempt.started = true;
    finish.attempt.exit_code = 3;
    finish.attempt.partial_result = kResult;
    EXPECT_TRUE(run(store_->finish(finish)).value());
    return e.ref.execution;
  }
  std::string readers_of(const ExecutionId& id) {
    std::string who;
    for (const std::string role : {"shop", "desk", "rival", "backend", "board", "idler", "steward"})
      who += read(role, id).empty() ? "" : role + " ";
    for (const std::string user : {"u-1", "u-2"}) {
      for (const std::string role : {"backend", "board"}) {
        as(role).exec("BEGIN; SELECT slipway.narrow_to('" + user + "')");
        who += read(role, id).empty() ? "" : role + "-as-" + user + " ";
        as(role).exec("ROLLBACK");
      }
    }
    return who;
  }
  std::vector<std::vector<std::optional<std::string>>> read(const std::string& role, const ExecutionId& id) {
    return as(role).query(
        "SELECT convert_from(result, 'UTF8') FROM slipway.partial_results WHERE execution_id = $1", {id});
  }

  static constexpr auto kResult = R"({"whole":"and good"})";
  static constexpr auto kOwner = R"(, "owner": "u-2")";
  static constexpr auto kOwners = "rival steward backend-as-u-2 board-as-u-2 ";
  static constexpr auto kEverybody =
      "shop desk rival backend board steward backend-as-u-1 board-as-u-1 backend-as-u-2 board-as-u-2 ";
  int revision_ = 1;
};

TEST_F(PartialResults, WithoutAnOwnerTheyAreTheOperatorsOnly) {
  EXPECT_EQ(readers_of(left(Reason::DeadlineExceeded)), "steward ");
}

TEST_F(PartialResults, AreTheOwnersAndTheOperatorsByDefault) {
  agent(kOwner);
  for (const auto reason : {Reason::DeadlineExceeded, Reason::Cancelled, Reason::NonZeroExit,
                            Reason::OutputInvalid, Reason::Interrupted})
    EXPECT_EQ(readers_of(left(reason)), kOwners) << to_string(reason);
}

TEST_F(PartialResults, AreTheSubmittersWhereAUseIsSpentAndTheAgentSaysSo) {
  agent(std::string(kOwner) + R"(, "partialResults": "submitter")");
  for (const auto& row : all_reasons()) {
    if (!is_final(row.status) || row.reason == Reason::Completed) continue;
    const bool spent = row.use == UseRule::Spent || row.use == UseRule::RefundedIfNeverStarted;
    EXPECT_EQ(readers_of(left(row.reason)), spent ? kEverybody : kOwners) << row.name;
  }
}

TEST_F(PartialResults, AnAttemptThatIsMadeAgainLeavesNothingToItsSubmitter) {
  agent(std::string(kOwner) + R"(, "partialResults": "submitter")");
  const auto first = run_of("u-1");
  auto recycle = again(first, Stage::Running);
  recycle.attempt.partial_result = kResult;
  ASSERT_TRUE(run(store_->recycle(recycle)).value());
  ASSERT_TRUE(run(store_->requeue(first.ref.execution, first.ref.claim, {})).value());
  ASSERT_TRUE(run_until([&] { return !run(store_->list_candidates(1)).value().empty(); }));
  ASSERT_EQ(store::taken(run(store_->claim({first.ref.execution})).value()).size(), 1U);
  const auto second = load(first.ref.execution);
  start(second);
  ASSERT_TRUE(run(store_->finish(end(second, Stage::Running, Reason::Completed))).value());
  EXPECT_EQ(readers_of(first.ref.execution), kOwners);
}

TEST_F(PartialResults, TheOwnerIsTheOneOfTheRevisionThatRan) {
  agent(kOwner);
  const auto before = left(Reason::NonZeroExit, "u-3");
  agent(R"(, "owner": "u-1")");
  const auto after = left(Reason::NonZeroExit, "u-3");
  EXPECT_EQ(readers_of(before), kOwners);
  EXPECT_EQ(readers_of(after), "shop desk steward backend-as-u-1 board-as-u-1 ");
}

// Whose run it was, and on what, is not told by what it left.
TEST_F(PartialResults, TheOwnerReadsNothingElseOfTheRun) {
  agent(kOwner);
  const auto id = left(Reason::NonZeroExit);
  EXPECT_EQ(as("rival").value("SELECT concat_ws(' ', agent, reason, exit_code, owner, attempt) FROM "
                              "slipway.partial_results"),
            "echo NonZeroExit 3 u-2 1");
  for (const auto* table : {"executions", "attempts", "execution_events", "execution_log_chunks",
                            "execution_logs", "entitlement_spends"})
    EXPECT_EQ(as("rival").value(std::string("SELECT count(*) FROM slipway.") + table), "0") << table;
  EXPECT_EQ(superuser().value("SELECT count(*) FROM pg_attribute WHERE attrelid = "
                              "'slipway.partial_results'::regclass AND attname ~ 'user|input|name|node'"),
            "0");
}

TEST_F(PartialResults, LeaveWithTheirExecution) {
  const auto id = left(Reason::NonZeroExit);
  ASSERT_TRUE(run(store_->record(step(load(id), Stage::Finished, Stage::Cleaned))).value());
  as("steward").query("DELETE FROM slipway.executions WHERE id = $1", {id});
  EXPECT_EQ(superuser().value("SELECT count(*) FROM slipway.partial_results"), "0");
}

TEST_F(PartialResults, AnOwnerIsAUserAndNothingElse) {
  for (const auto* wrong : {R"("owner": "*")", R"("owner": "")", R"("owner": 7)",
                            R"("partialResults": "all")", R"("partialResults": true)"}) {
    EXPECT_EQ(as("steward").fails_with(std::string(R"(UPDATE slipway.agents SET spec = '{"image": "i", )") +
                                       wrong + "}'"),
              "23514")
        << wrong;
  }
}

TEST_F(PartialResults, NoTableShowsTheSubmitterAWordOfThem) {
  agent(kOwner);
  const auto id = left(Reason::DeadlineExceeded);
  for (const auto* role : {"shop", "desk", "backend", "board"}) {
    for (const auto& row : as(role).query(
             "SELECT c.relname, string_agg(quote_ident(a.attname) || '::text', ', ') FROM pg_attribute a "
             "JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'slipway'::regnamespace AND "
             "c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped AND "
             "has_column_privilege(c.oid, a.attnum, 'SELECT') GROUP BY 1")) {
      EXPECT_EQ(as(role).value("SELECT count(*) FROM (SELECT concat_ws(' ', " + *row[1] +
                                   ") AS line FROM slipway." + *row[0] +
                                   ") t WHERE strpos(line, $1) > 0 OR strpos(line, encode($1::bytea, "
                                   "'hex')) > 0",
                               {kResult}),
                "0")
          << role << " " << *row[0];
    }
  }
}

}  // namespace
}  // namespace slipway::test

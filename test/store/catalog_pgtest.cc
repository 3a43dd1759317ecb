// The catalog on a real server: what the command line rests on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/postgres/postgres_catalog.h"
#include "test/support/postgres_server/postgres_server.h"

namespace slipway::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using What = Change::What;

class Catalog : public testing::Test {
 protected:
  Catalog() : url_(test::PostgresServer::shared().create_migrated_database()), sql_(url_), catalog_(url_) {}

  static std::vector<Object> objects(const std::string& text) {
    auto read = parse_objects({parse_yaml(text, "a.yaml")});
    EXPECT_TRUE(read.errors.empty()) << (read.errors.empty() ? "" : to_string(read.errors[0]));
    return read.objects;
  }
  static std::string document(const std::string& kind, const std::string& name, const std::string& spec) {
    return "apiVersion: slipway.dev/v1alpha1\nkind: " + kind + "\nmetadata: {name: " + name + "}\nspec: {" +
           spec + "}\n---\n";
  }
  std::vector<What> apply(const std::string& text) {
    const auto changes = catalog_.apply(objects(text), {});
    EXPECT_TRUE(changes) << changes.error().message;
    std::vector<What> all;
    if (changes) {
      for (const auto& change : *changes) all.push_back(change.what);
    }
    return all;
  }
  std::string error_of(const std::string& text, bool create_only = false) {
    const auto changes = catalog_.apply(objects(text), {.create_only = create_only});
    return changes ? "" : changes.error().message;
  }

  std::string url_;
  test::Sql sql_;
  postgres::PostgresCatalog catalog_;
};

TEST_F(Catalog, ApplyCreatesThenConfiguresThenLeavesAlone) {
  EXPECT_THAT(apply(document("Agent", "momentum", "image: m:1")), ElementsAre(What::Created));
  EXPECT_THAT(apply(document("Agent", "momentum", "image: m:1")), ElementsAre(What::Unchanged));
  EXPECT_THAT(apply(document("Agent", "momentum", "image: m:2, timeout: 10m")),
              ElementsAre(What::Configured));
  EXPECT_EQ(sql_.value("SELECT string_agg(revision || (spec->>'image'), ' ' ORDER BY revision) FROM "
                       "slipway.agent_revisions"),
            "1m:1 2m:2");
  const auto entitlement = document("Entitlement", "e", "user: u-42, agent: momentum, uses: 3");
  EXPECT_THAT(apply(entitlement), ElementsAre(What::Created));
  EXPECT_THAT(apply(entitlement), ElementsAre(What::Unchanged));
  EXPECT_THAT(apply(document("Quota", "u-42", "user: u-42, maxRunning: 4")), ElementsAre(What::Created));
  EXPECT_THAT(apply(document("Quota", "u-42", "user: u-42, maxRunning: 5")), ElementsAre(What::Configured));
}

TEST_F(Catalog, AnErrorAnywhereWritesNothing) {
  apply(document("Entitlement", "e", "user: u-42, agent: momentum"));
  EXPECT_EQ(error_of(document("Agent", "first", "image: x") +
                     document("Entitlement", "e", "user: u-43, agent: momentum")),
            "a.yaml:5: entitlement/e: spec.user: field is immutable");
  EXPECT_EQ(sql_.value("SELECT count(*) FROM slipway.agents"), "0");
}

TEST_F(Catalog, AnExecutionIsInsertedOnceAndChangesOnlyWhatMayChange) {
  const auto with = [&](const std::string& more) {
    return document("Execution", "run-1", "user: u-42, agent: momentum, input: {a: [1, 2.5]}" + more);
  };
  EXPECT_THAT(apply(with("")), ElementsAre(What::Created));
  EXPECT_THAT(apply(with("")), ElementsAre(What::Unchanged));
  // As the first decision and a retry leave it.
  sql_.exec(
      "BEGIN; SET LOCAL slipway.controller = 'on'; UPDATE slipway.executions SET retry_limit = 0, "
      "timeout_seconds = 30, not_before = now(); COMMIT");
  EXPECT_THAT(apply(with("")), ElementsAre(What::Unchanged)) << "what is left out is as the row has it";
  EXPECT_EQ(sql_.value("SELECT timeout_seconds FROM slipway.executions"), "30");
  EXPECT_THAT(apply(with(", timeout: 2m, priority: 3")), ElementsAre(What::Configured));
  EXPECT_THAT(error_of(with(", retryLimit: 1")),
              HasSubstr("execution/run-1: spec.retryLimit: field is immutable"));
  EXPECT_THAT(error_of(document("Execution", "run-1", "user: u-42, agent: other, input: {a: [1, 2.5]}")),
              HasSubstr("spec.agent: field is immutable"));
  EXPECT_THAT(error_of(with(""), true), HasSubstr("a.yaml:1: execution/run-1 already exists"));
  EXPECT_THAT(apply(with(", timeout: 2m, priority: 3, cancel: true")), ElementsAre(What::Configured));
  EXPECT_THAT(error_of(with(", timeout: 2m, priority: 3")), HasSubstr("spec.cancel: field is immutable"));
  EXPECT_EQ(sql_.value("SELECT count(*) || ' ' || bool_and(cancel_requested) FROM slipway.executions"),
            "1 true");
}

TEST_F(Catalog, MoreThanTheAgentAllowsIsLoweredWithAWarningAndNoDifferenceForEver) {
  apply(document("Agent", "momentum", "image: m:1, timeout: 1m, maxTimeout: 15m, retry: {limit: 2}"));
  const auto much =
      document("Execution", "run-1", "user: u, agent: momentum, input: 1, timeout: 2h, retryLimit: 5");
  const auto words = ElementsAre("the timeout of 2h is above the agent's maxTimeout and is lowered to 15m",
                                 "the retryLimit of 5 is above the agent's retry.limit and is lowered to 2");
  EXPECT_THAT(catalog_.apply(objects(much), {.dry_run = true})->front().warnings, words);
  EXPECT_THAT(catalog_.apply(objects(much), {})->front().warnings, words);
  EXPECT_THAT(apply(much), ElementsAre(What::Unchanged)) << "not decided yet";
  sql_.exec(
      "BEGIN; SET LOCAL slipway.controller = 'on'; UPDATE slipway.executions SET stage = 'Queued', "
      "agent_revision = 1, timeout_seconds = 900, retry_limit = 2; COMMIT");
  EXPECT_THAT(apply(much), ElementsAre(What::Unchanged));
  EXPECT_EQ(sql_.value("SELECT timeout_seconds FROM slipway.executions"), "900");
  EXPECT_THAT(error_of(document("Execution", "run-1", "user: u, agent: momentum, input: 1, retryLimit: 1")),
              HasSubstr("spec.retryLimit: field is immutable"));
  // A spec that is not the one it is held to says nothing about it.
  apply(document("Agent", "momentum", "image: m:2, timeout: 1m, maxTimeout: 5m, retry: {limit: 2}"));
  EXPECT_THAT(apply(document("Execution", "run-1", "user: u, agent: momentum, input: 1, timeout: 10m")),
              ElementsAre(What::Configured));
  EXPECT_EQ(sql_.value("SELECT timeout_seconds FROM slipway.executions"), "600");
}

TEST_F(Catalog, AnEntitlementToAnAgentThatIsNotThereIsAWarning) {
  const auto warnings = [&](const std::string& text) {
    return catalog_.apply(objects(text), {})->front().warnings;
  };
  const auto right = document("Entitlement", "e", "user: u, agent: momentun");
  EXPECT_THAT(warnings(right), ElementsAre("there is no agent \"momentun\" yet"));
  apply(document("Agent", "momentum", "image: m:1"));
  EXPECT_THAT(warnings(right), ElementsAre("there is no agent \"momentun\" yet; did you mean \"momentum\"?"));
  EXPECT_THAT(warnings(document("Entitlement", "f", "user: u, agent: momentum")), ElementsAre());
  EXPECT_THAT(
      warnings(document("Entitlement", "g", "user: u, agent: new") + document("Agent", "new", "image: n")),
      ElementsAre())
      << "further down";
}

TEST_F(Catalog, WhatIsListedCanBeReadAndFoundByNameOrId) {
  apply(document("Agent", "momentum", "image: m:1") +
        document("Execution", "run-1", "user: u-42, agent: momentum, input: {symbol: ETH}"));
  sql_.exec(
      "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u-43', 'momentum', '{\"b\": null}')");
  const auto all = catalog_.list({Table::Executions, "", "", "", 10, true});
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2U);
  const auto& newest = all->at(0);
  EXPECT_EQ(newest["spec"]["input"].dump(), R"({"b":null})");
  EXPECT_EQ(newest["status"]["status"], "PENDING");
  const auto id = newest["metadata"]["uid"].get<std::string>();
  EXPECT_EQ(*catalog_.find_execution(id), id);
  EXPECT_TRUE(catalog_.find_execution("run-1"));
  EXPECT_EQ(catalog_.find_execution("run-2").error().error_class, ErrorClass::NotFound);
  EXPECT_EQ(catalog_.list({Table::Executions, "", "u-42", "PENDING", 10, false})->size(), 1U);
  EXPECT_EQ(catalog_.list({Table::Agents, "nope", "", "", 10, false}).error().message,
            "agent \"nope\" not found");
  sql_.exec(
      "INSERT INTO slipway.executions (user_id, name, agent, input) VALUES ('u-43', 'run-1', 'momentum', "
      "'1')");
  EXPECT_EQ(catalog_.find_execution("run-1").error().error_class, ErrorClass::Conflict);
}

TEST_F(Catalog, CancelIsAskedOnceAndRefusedForAFinalExecution) {
  apply(document("Execution", "run-1", "user: u, agent: a, input: 1"));
  const auto id = *catalog_.find_execution("run-1");
  EXPECT_TRUE(*catalog_.cancel(id));
  EXPECT_FALSE(*catalog_.cancel(id));
  EXPECT_EQ(catalog_.remove(Table::Executions, id).error().error_class, ErrorClass::Invalid);
  EXPECT_EQ(catalog_.remove(Table::Agents, "a").error().error_class, ErrorClass::NotFound);
  EXPECT_EQ(catalog_.wish("nowhere", NodeWish::Drain).error().message, "node \"nowhere\" not found");
}

TEST_F(Catalog, LogsComeInPagesByteForByte) {
  apply(document("Execution", "run-1", "user: u, agent: a, input: 1"));
  const auto id = *catalog_.find_execution("run-1");
  sql_.query(
      "INSERT INTO slipway.execution_log_chunks SELECT $1::uuid, 1, 3 * i, now(), 'stderr', '\\x00ff0a' FROM "
      "generate_series(0, 99) i",
      {id});
  LogCursor cursor;
  std::string bytes;
  int pages = 0;
  while (true) {
    const auto page = catalog_.logs(id, cursor);
    ASSERT_TRUE(page);
    if (page->chunks.empty()) break;
    for (const auto& chunk : page->chunks) bytes += chunk.bytes;
    cursor = page->next;
    ++pages;
  }
  EXPECT_EQ(pages, 2);
  EXPECT_EQ(bytes.size(), 300U);
  EXPECT_EQ(bytes.substr(0, 3), std::string("\0\xff\n", 3));
  const auto within = catalog_.logs(id, {1, 3 * 98 + 2});
  ASSERT_TRUE(within);
  ASSERT_EQ(within->chunks.size(), 2U);
  EXPECT_EQ(within->chunks[0].bytes, "\n") << "what was read of it is left out";
  EXPECT_EQ(within->next.place, 300);
  EXPECT_TRUE(catalog_.logs(id, {1, 300})->chunks.empty());
}

TEST_F(Catalog, ValuesReachTheDatabaseAsValues) {
  const std::string evil = "x'); DROP TABLE slipway.agents; --";
  apply(document("Execution", "run-1", "user: \"" + evil + "\", agent: a, input: \"" + evil + "\""));
  EXPECT_EQ(sql_.value("SELECT user_id FROM slipway.executions"), evil);
  EXPECT_EQ(sql_.value("SELECT count(*) FROM slipway.agents"), "0");
}

TEST(CatalogAway, AnAbsentServerIsARetry) {
  postgres::PostgresCatalog catalog("postgresql://postgres@/postgres?host=/nonexistent");
  EXPECT_EQ(catalog.now().error().error_class, ErrorClass::Retry);
}

}  // namespace
}  // namespace slipway::store

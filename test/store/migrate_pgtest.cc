// Migrations, and what a binary says of a schema that is not its own.
#include "store/postgres/migrate.h"

#include <gtest/gtest.h>

#include <thread>

#include "test/support/postgres_server/postgres_server.h"

namespace slipway::store::postgres {
namespace {

using test::PostgresServer;
using test::Sql;

TEST(Migrate, AnEmptyDatabaseGetsEverythingAndASecondRunNothing) {
  const auto url = PostgresServer::shared().create_database();
  EXPECT_EQ(check_schema(url)->verdict, SchemaCheck::Verdict::Absent);
  EXPECT_NE(check_schema(url)->message.find("slipway migrate"), std::string::npos);
  EXPECT_EQ(migrate(url).value().size(), static_cast<std::size_t>(spoken_version()));
  EXPECT_EQ(check_schema(url)->verdict, SchemaCheck::Verdict::Fits);
  EXPECT_EQ(schema_version(url)->number, spoken_version());
  EXPECT_TRUE(migrate(url).value().empty());
}

TEST(Migrate, ManyAtOnceApplyEachMigrationOnce) {
  const auto url = PostgresServer::shared().create_database();
  std::atomic<int> applied = 0, failed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto done = migrate(url);
      if (done) {
        applied += static_cast<int>(done->size());
      } else {
        ADD_FAILURE() << done.error().message;
        ++failed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(applied, spoken_version());
  EXPECT_EQ(failed, 0);
}

TEST(Migrate, ADatabaseThatIsNotUtf8IsRefused) {
  Sql server(PostgresServer::shared().url());
  for (const std::string encoding : {"LATIN1", "SQL_ASCII"}) {
    server.exec("CREATE DATABASE not_utf8 ENCODING '" + encoding +
                "' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    const auto url = PostgresServer::shared().url("not_utf8");
    const auto migrated = migrate(url);
    ASSERT_FALSE(migrated.has_value());
    EXPECT_NE(migrated.error().message.find("encoding is " + encoding), std::string::npos);
    const auto checked = check_schema(url);  // what the daemon asks at its start, and doctor
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().error_class, ErrorClass::Unsupported);
    server.exec("DROP DATABASE not_utf8");
  }
}

TEST(Migrate, BothFormsOfAUrlAreReadAndNoPasswordIsTold) {
  const auto url = PostgresServer::shared().create_database();
  Sql sql(url);
  const auto words = "host=" + sql.value("SHOW unix_socket_directories") +
                     " dbname=" + sql.value("SELECT current_database()") + " user=postgres";
  const auto migrated = migrate(words);
  ASSERT_TRUE(migrated.has_value()) << migrated.error().message;
  for (const std::string bad :
       {"postgresql://u:S3cret@Prod1@nowhere/db", "postgresql://u:S3cret%40Prod1@127.0.0.1:1/db",
        "host=127.0.0.1 port=1 password=S3cret@Prod1 dbname=db", "host=h password=S3cret Prod1 dbname=d",
        "postgresql://u:S3cret@Prod1:1/db:2/x@y"}) {
    const auto refused = schema_version(bad);
    ASSERT_FALSE(refused.has_value()) << bad;
    EXPECT_EQ(refused.error().message.find("S3cret"), std::string::npos) << refused.error().message;
    EXPECT_EQ(refused.error().message.find("Prod1"), std::string::npos) << refused.error().message;
  }
}

TEST(Migrate, AnOlderSchemaIsTooOldAndSaysWhatToDo) {
  const auto url = PostgresServer::shared().create_migrated_database();
  Sql(url).exec(
      "DELETE FROM slipway.schema_migrations WHERE number = (SELECT max(number) FROM "
      "slipway.schema_migrations)");
  const auto check = check_schema(url).value();
  EXPECT_EQ(check.verdict, SchemaCheck::Verdict::TooOld);
  EXPECT_NE(check.message.find("slipway migrate"), std::string::npos);
}

TEST(Migrate, ANewerSchemaFitsAsLongAsItSaysSo) {
  const auto url = PostgresServer::shared().create_migrated_database();
  const auto next = std::to_string(spoken_version() + 1);
  Sql sql(url);
  sql.exec("INSERT INTO slipway.schema_migrations VALUES (" + next + ", 'compatible', 1)");
  EXPECT_EQ(check_schema(url)->verdict, SchemaCheck::Verdict::Fits);
  EXPECT_TRUE(migrate(url).value().empty());
  sql.exec("UPDATE slipway.schema_migrations SET oldest_binary = " + next + " WHERE number = " + next);
  EXPECT_EQ(check_schema(url)->verdict, SchemaCheck::Verdict::TooNew);
  EXPECT_NE(check_schema(url)->message.find("upgrade"), std::string::npos);
  EXPECT_EQ(migrate(url).error().error_class, ErrorClass::Conflict);
}

TEST(Migrate, AFailingStepLeavesNothingBehind) {
  const auto url = PostgresServer::shared().create_database();
  Sql sql(url);
  sql.exec("CREATE SCHEMA slipway; CREATE TABLE slipway.nodes (in_the_way int)");  // the third migration
                                                                                   // stumbles over it
  const auto failed = migrate(url);
  ASSERT_TRUE(failed.has_error());
  EXPECT_EQ(failed.error().error_class, ErrorClass::Invalid);
  EXPECT_EQ(schema_version(url)->number, 2);
  EXPECT_EQ(sql.value("SELECT to_regclass('slipway.executions') IS NULL"), "t");
  sql.exec("DROP TABLE slipway.nodes");
  EXPECT_EQ(migrate(url).value().size(), static_cast<std::size_t>(spoken_version() - 2));
}

TEST(Migrate, NoServerIsRetry) {
  EXPECT_EQ(check_schema("postgresql:///x?host=/nonexistent").error().error_class, ErrorClass::Retry);
  EXPECT_EQ(migrate("postgresql:///x?host=/nonexistent").error().error_class, ErrorClass::Retry);
}

int server_version(PostgresServer& server) {
  return std::stoi(Sql(server.url()).value("SHOW server_version_num"));
}

/// What the owner of a schema does in it: everything under row-level security, and by functions of ours.
void expect_works_as_owner(const std::string& url) {
  Sql sql(url);
  sql.exec("INSERT INTO slipway.nodes (name, instance_id) VALUES ('n', 'i')");
  EXPECT_EQ(sql.value("SELECT slipway.act_as('n', 0)"), "t");
  EXPECT_EQ(sql.fails_with("INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u', 'a', '{}')"),
            "");
  EXPECT_EQ(sql.fails_with("INSERT INTO slipway.entitlements (user_id, agent) VALUES ('u', 'a')"), "");
  EXPECT_EQ(sql.fails_with("INSERT INTO slipway.submitter_users VALUES ('shop', 'u')"), "");
  for (const std::string role : {"slipway_controller", "slipway_admin"})
    EXPECT_EQ(sql.value("SELECT pg_has_role('" + role + "', 'USAGE')"), "t") << role;
}

TEST(Migrate, AnOwnerWhoIsNoSuperuserMayMigrateAndWork) {
  PostgresServer server;  // whose roles nobody has made yet
  Sql root(server.url());
  root.exec("CREATE ROLE landlord LOGIN CREATEROLE");
  for (const std::string name : {"rented", "rented_too"}) {
    root.exec("CREATE DATABASE " + name + " OWNER landlord");
    const auto url = server.url(name, "landlord");
    const auto migrated = migrate(url);
    ASSERT_TRUE(migrated.has_value()) << migrated.error().message;
    expect_works_as_owner(url);
  }
  Sql owner(server.url("rented", "landlord"));
  owner.exec("CREATE ROLE daemon LOGIN; GRANT slipway_controller TO daemon");
  EXPECT_EQ(Sql(server.url("rented", "daemon")).value("SELECT count(*) FROM slipway.executions"), "1");
}

// From PostgreSQL 16 on, roles that another one has made can be given by that one and by superusers alone.
TEST(Migrate, AnotherOwnerOnTheSameServerIsToldWhatToAskFor) {
  PostgresServer server;
  Sql root(server.url());
  root.exec("CREATE ROLE landlord LOGIN CREATEROLE; CREATE ROLE \"Next Door\" LOGIN CREATEROLE");
  root.exec("CREATE DATABASE first OWNER landlord");
  root.exec("CREATE DATABASE second OWNER \"Next Door\"");
  ASSERT_TRUE(migrate(server.url("first", "landlord")).has_value());
  const auto url = server.url("second", "Next%20Door");
  auto migrated = migrate(url);
  if (server_version(server) >= 160000) {
    ASSERT_FALSE(migrated.has_value());
    const auto& words = migrated.error().message;
    const std::string asked =
        "GRANT slipway_submitter, slipway_reader, slipway_controller, slipway_admin TO \"Next Door\" WITH "
        "ADMIN "
        "OPTION";
    ASSERT_NE(words.find(asked), std::string::npos) << words;
    EXPECT_EQ(schema_version(url)->number, 0);
    Sql(server.url("first", "landlord")).exec(asked);
    migrated = migrate(url);
  }
  ASSERT_TRUE(migrated.has_value()) << migrated.error().message;
  expect_works_as_owner(url);
}

}  // namespace
}  // namespace slipway::store::postgres

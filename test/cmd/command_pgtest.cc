// The built binary against a real server: output, errors and exit codes as a user meets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "test/support/command/command.h"
#include "test/support/postgres_server/postgres_server.h"

namespace slipway::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr auto kAgent =
    "apiVersion: slipway.dev/v1alpha1\nkind: Agent\nmetadata: {name: momentum}\nspec: {image: m:1}\n";

class CommandLine : public testing::Test {
 protected:
  CommandLine() : url_(PostgresServer::shared().create_migrated_database()), sql_(url_) {}

  Ran slipway(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), built("cmd/slipway/slipway"));
    return run(std::move(arguments), {{"SLIPWAY_DATABASE_URL", url_}, {"USER", "u-42"}, {"DOCKER_HOST", ""}},
               input);
  }
  void apply(const std::string& text) {
    const auto ran = slipway({"apply", "-f", "-"}, text);
    ASSERT_EQ(ran.exit_code, 0) << ran.err;
  }

  std::string url_;
  Sql sql_;
};

TEST_F(CommandLine, AMutationSaysWhatItDidOnStdout) {
  const auto created = slipway({"apply", "-f", "-"}, kAgent);
  EXPECT_EQ(created.out, "agent/momentum created\n");
  EXPECT_EQ(created.err, "");
  EXPECT_EQ(created.exit_code, 0);
  EXPECT_EQ(slipway({"apply", "-f", "-"}, kAgent).out, "agent/momentum unchanged\n");
  EXPECT_EQ(slipway({"create", "-f", "-"}, kAgent).err, "slipway: stdin:1: agent/momentum already exists\n");
  EXPECT_EQ(slipway({"delete", "agent", "momentum"}).out, "agent/momentum deleted\n");
  const auto early = slipway({"grant", "u-42", "momentum", "--uses", "3"});
  EXPECT_THAT(early.out, MatchesRegex("entitlement/grant-[a-z0-9]+ created\n"));
  EXPECT_THAT(early.err,
              MatchesRegex("warning: entitlement/grant-[a-z0-9]+: there is no agent \"momentum\" yet\n"));
  EXPECT_EQ(early.exit_code, 0);
  ASSERT_EQ(slipway({"apply", "-f", "-"}, kAgent).exit_code, 0);
  EXPECT_EQ(slipway({"grant", "u-42", "momentum"}).err, "");
  EXPECT_THAT(slipway({"grant", "u-42", "momentun"}).err, HasSubstr("did you mean \"momentum\"?\n"));
  EXPECT_EQ(slipway({"grant", "u-42", "momentum", "--id", "e-1"}).exit_code, 0);
  EXPECT_EQ(slipway({"grant", "u-42", "momentum", "--id", "e-1"}).err,
            "slipway: entitlement/e-1 already exists\n");
}

TEST_F(CommandLine, BadFilesAreRefusedWithOneLineAnErrorAndNothingIsWritten) {
  const auto ran =
      slipway({"apply", "-f", "-"},
              std::string(kAgent) +
                  "---\napiVersion: slipway.dev/v1alpha1\nkind: Agent\nmetadata: {name: b}\nspec:\n"
                  "  image: b\n  timeout: -5m\n  comand: []\n");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "slipway: stdin:11:3: spec.timeout: expected a duration such as 5m, 1h30m or whole seconds, got "
            "\"-5m\"\n"
            "slipway: stdin:12:3: spec.comand: unknown field; did you mean \"command\"?\n"
            "2 errors; nothing was written\n");
  EXPECT_EQ(sql_.value("SELECT count(*) FROM slipway.agents"), "0");
  EXPECT_EQ(slipway({"apply", "-f", "-"}, "a: [1\n").err,
            "slipway: stdin:2:1: not valid YAML: the text ends inside a quoted text, list or map that is "
            "never closed\n");
  EXPECT_EQ(slipway({"apply", "-f", "/nonexistent.yaml"}).err,
            "slipway: /nonexistent.yaml:1:1: cannot read /nonexistent.yaml: No such file or directory\n");
}

TEST_F(CommandLine, ADryRunSaysWhatWouldComeOfItAndWritesNothing) {
  const std::string head = "---\napiVersion: slipway.dev/v1alpha1\n";
  const auto agent = std::string(kAgent);
  const auto typed =
      head + "kind: Agent\nmetadata: {name: typed}\nspec: {image: m:1, inputSchema: {required: [symbol]}}\n";
  const auto request = [&](const std::string& name, const std::string& what) {
    return head + "kind: Execution\nmetadata: {name: " + name + "}\nspec: {user: u-42, agent: " + what +
           ", input: {}}\n";
  };
  const auto right =
      head + "kind: Entitlement\nmetadata: {name: r}\nspec: {user: u-42, agent: momentum, uses: 1}\n";
  const auto other = head + "kind: Entitlement\nmetadata: {name: s}\nspec: {user: u-42, agent: typed}\n";

  const auto fine =
      slipway({"apply", "-f", "-", "--dry-run=server"}, agent + request("one", "momentum") + right);
  EXPECT_EQ(fine.exit_code, 0) << fine.err;
  EXPECT_EQ(fine.out,
            "agent/momentum created (server dry run)\nexecution/one created (server dry run)\n"
            "entitlement/r created (server dry run)\n");
  const auto poor = slipway({"apply", "-f", "-", "--dry-run=server"},
                            agent + typed + other + request("one", "momentum") + request("two", "typed") +
                                request("three", "nobody"));
  EXPECT_EQ(poor.exit_code, 1);
  EXPECT_THAT(poor.err, HasSubstr("execution/one would be refused: EntitlementMissing: "));
  EXPECT_THAT(poor.err, HasSubstr("execution/two would be refused: InputInvalid: "));
  EXPECT_THAT(poor.err, HasSubstr("symbol"));
  EXPECT_THAT(poor.err, HasSubstr("execution/three would be refused: AgentNotFound: "));
  sql_.exec("INSERT INTO slipway.quotas (user_id, max_queued, per_minute) VALUES ('u-42', NULL, 0)");
  EXPECT_THAT(
      slipway({"create", "-f", "-", "--dry-run=server"}, agent + right + request("one", "momentum")).err,
      HasSubstr("would be refused: RateLimited: "));
  EXPECT_EQ(slipway({"apply", "-f", "-", "--dry-run=client"}, agent).out,
            "agent/momentum is valid (client dry run)\n");
  EXPECT_EQ(
      sql_.value("SELECT (SELECT count(*) FROM slipway.agents) + (SELECT count(*) FROM slipway.executions) + "
                 "(SELECT count(*) FROM slipway.entitlements)"),
      "0");
}

TEST_F(CommandLine, ATokenIsShownOnceAndTakenBack) {
  const auto made = slipway({"token", "create", "--role", "user", "--user", "u-42", "--expires", "1h"});
  EXPECT_THAT(made.out, MatchesRegex("slp_[-_a-zA-Z0-9]+\n"));
  EXPECT_THAT(made.err, MatchesRegex("token/tok-[a-z0-9]+ created; .*\n"));
  const auto id = made.err.substr(6, made.err.find(' ') - 6);
  EXPECT_THAT(slipway({"token", "list"}).out, HasSubstr(id + "   user   u-42   <none>        Valid    20"));
  EXPECT_EQ(slipway({"token", "revoke", id}).out, "token/" + id + " revoked\n");
  EXPECT_THAT(slipway({"token", "list"}).out, HasSubstr("Revoked"));
  EXPECT_EQ(slipway({"token", "revoke", "tok-none"}).exit_code, 1);
  EXPECT_EQ(slipway({"token", "create", "--role", "user"}).exit_code, 2);
  EXPECT_EQ(slipway({"token", "create", "--role", "admin", "--expires", "soon"}).exit_code, 2);
}

TEST_F(CommandLine, ADirectoryIsAppliedWhole) {
  char directory[] = "/tmp/slipway-apply-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  std::ofstream(std::string(directory) + "/b.yaml") << kAgent;
  std::ofstream(std::string(directory) + "/a.json")
      << R"({"apiVersion":"slipway.dev/v1alpha1","kind":"Quota","metadata":{"name":"u-1"},"spec":{"user":"u-1"}})";
  std::ofstream(std::string(directory) + "/notes.txt") << "not: [yaml";
  EXPECT_EQ(slipway({"apply", "-f", directory}).out, "quota/u-1 created\nagent/momentum created\n");
  std::filesystem::remove_all(directory);
}

TEST_F(CommandLine, TablesShowNameFirstAndAgeLast) {
  apply(kAgent);
  EXPECT_THAT(
      slipway({"get", "agents"}).out,
      MatchesRegex(
          "NAME       IMAGE   REVISION   TIMEOUT   AGE\nmomentum   m:1     1          5m        [0-9]+s\n"));
  EXPECT_EQ(slipway({"get", "agent", "momentum", "-o", "name"}).out, "agent/momentum\n");
  const auto yaml = slipway({"get", "agents", "momentum", "-o", "yaml"});
  EXPECT_THAT(yaml.out, StartsWith("apiVersion: slipway.dev/v1alpha1\nkind: Agent\nmetadata:\n"));
  EXPECT_EQ(slipway({"apply", "-f", "-"}, yaml.out).out, "agent/momentum unchanged\n");
  const auto none = slipway({"get", "executions"});
  EXPECT_EQ(none.out, "");
  EXPECT_EQ(none.err, "no executions found\n");
  EXPECT_EQ(none.exit_code, 0);
  EXPECT_EQ(slipway({"get", "agents", "other"}).err, "slipway: agent \"other\" not found\n");
}

TEST_F(CommandLine, UsageErrorsEndWithTwo) {
  EXPECT_EQ(slipway({}).exit_code, 2);
  EXPECT_EQ(slipway({"frobnicate"}).exit_code, 2);
  EXPECT_EQ(slipway({"apply"}).exit_code, 2);
  EXPECT_EQ(slipway({"get", "agents", "-o", "xml"}).exit_code, 2);
  const auto kind = slipway({"get", "agnets"});
  EXPECT_EQ(kind.exit_code, 2);
  EXPECT_THAT(kind.err, HasSubstr("did you mean \"agents\"?"));
  EXPECT_EQ(slipway({"--help"}).exit_code, 0);
  EXPECT_THAT(slipway({"version"}).out, StartsWith("slipway "));
}

TEST_F(CommandLine, WhatIsMisspeltIsTakenForTheNearest) {
  const auto says = [&](std::vector<std::string> arguments, int code, const std::string& words) {
    const auto ran = slipway(std::move(arguments));
    EXPECT_EQ(ran.exit_code, code) << words;
    EXPECT_THAT(ran.err, StartsWith("slipway: " + words + "\n"));
    EXPECT_EQ(ran.out, "") << words;
  };
  says({"aply", "-f", "x.yaml"}, 2, "unknown command \"aply\"; did you mean \"apply\"?");
  says({"--config", "/none", "ge", "executions"}, 2, "unknown command \"ge\"; did you mean \"get\"?");
  says({"zzzzzz"}, 2, "unknown command \"zzzzzz\"");
  says({"token", "lst"}, 2, "unknown command \"lst\"; did you mean \"list\"?");
  says({"run", "momentum", "--input", "{}", "--folow"}, 2,
       "unknown flag \"--folow\"; did you mean \"--follow\"?");
  for (const std::string flag : {"-n", "-A", "--namespace", "--all-namespaces"})
    says({"get", "executions", flag}, 2,
         "unknown flag \"" + flag + "\": there are no namespaces; `get` lists all users, or one with --user");
  says({"get", "executoins"}, 2,
       "KIND: expected agents, entitlements, quotas, executions or nodes, got \"executoins\"; did you mean "
       "\"executions\"?");
  apply(kAgent);
  ASSERT_EQ(slipway({"run", "momentum", "--input", "{}", "--name", "morning-run"}).exit_code, 0);
  ASSERT_EQ(slipway({"grant", "u-42", "momentum", "--id", "e-1042"}).exit_code, 0);
  sql_.exec("INSERT INTO slipway.nodes (name, instance_id) VALUES ('node-one', 'x')");
  const std::string run = "execution \"mornin-run\" not found; did you mean \"morning-run\"?";
  for (const auto* verb : {"logs", "why", "output", "cancel"}) says({verb, "mornin-run"}, 1, run);
  says({"get", "ex", "mornin-run"}, 1, run);
  says({"describe", "ex/mornin-run"}, 1, run);
  says({"delete", "ex", "mornin-run"}, 1, run);
  says({"wait", "mornin-run", "--for=condition=Started"}, 1, run);
  says({"force-finish", "mornin-run", "--reason", "x"}, 1, run);
  says({"get", "agent", "momentun"}, 1, "agent \"momentun\" not found; did you mean \"momentum\"?");
  says({"describe", "agent", "momentun"}, 1, "agent \"momentun\" not found; did you mean \"momentum\"?");
  says({"delete", "ent", "e-1O42"}, 1, "entitlement \"e-1O42\" not found; did you mean \"e-1042\"?");
  says({"cordon", "node-on"}, 1, "node \"node-on\" not found; did you mean \"node-one\"?");
  says({"get", "agent", "other"}, 1, "agent \"other\" not found");
}

TEST_F(CommandLine, RunRefusesWhatCannotWorkBeforeWriting) {
  apply(kAgent);
  const auto unknown = slipway({"run", "momentun", "--input", "{}"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(unknown.err,
            "slipway: agent \"momentun\" not found; did you mean \"momentum\"? `slipway get agents` lists "
            "what can be run\n");
  EXPECT_THAT(slipway({"run", "momentum", "--input", "{\"a\": }"}).err,
              StartsWith("slipway: --input: expected JSON: "));
  EXPECT_EQ(slipway({"run", "momentum", "--input", "{}", "--timeout", "-5m"}).err,
            "slipway: --timeout: expected a duration of at least 1s such as 5m, got \"-5m\"\n");
  EXPECT_EQ(sql_.value("SELECT count(*) FROM slipway.executions"), "0");
  EXPECT_THAT(slipway({"run", "momentum", "--input", "@-"}, R"({"symbol": "ETH"})").out,
              MatchesRegex("execution/[0-9a-f-]{36} created\n"));
  EXPECT_EQ(sql_.value("SELECT user_id || ' ' || (input->>'symbol') FROM slipway.executions"), "u-42 ETH");
}

TEST_F(CommandLine, AnExecutionIsCancelledDescribedAndWaitedFor) {
  apply(kAgent);
  ASSERT_EQ(slipway({"run", "momentum", "--input", "{}", "--name", "r1"}).out, "execution/r1 created\n");
  EXPECT_EQ(slipway({"cancel", "r1"}).out, "execution/r1 cancellation requested\n");
  EXPECT_EQ(slipway({"cancel", "r1"}).out, "execution/r1 cancellation was requested before\n");
  EXPECT_EQ(slipway({"cancel", "other"}).err, "slipway: execution \"other\" not found\n");
  const auto waited = slipway({"wait", "r1", "--for=condition=Finished", "--timeout", "200ms"});
  EXPECT_EQ(waited.exit_code, 1);
  EXPECT_EQ(waited.err, "slipway: timed out after 200ms waiting for execution/r1\n");
  EXPECT_EQ(slipway({"wait", "r1", "--for=condition=Nonsense"}).exit_code, 2);
  EXPECT_THAT(slipway({"output", "r1"}).err,
              StartsWith("slipway: execution/r1 has no output: it is PENDING (Queued"));
  EXPECT_THAT(slipway({"describe", "execution", "r1"}).out, HasSubstr("Events:"));
  EXPECT_EQ(slipway({"logs", "r1"}).out, "");
}

TEST_F(CommandLine, ADatabaseThatCannotBeUsedIsSaidInOneLine) {
  const auto slipway_at = [&](const std::string& url) {
    return run({built("cmd/slipway/slipway"), "get", "agents", "--config", "/nonexistent"},
               {{"SLIPWAY_DATABASE_URL", url}});
  };
  const auto none = slipway_at("");
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_THAT(none.err,
              StartsWith("slipway: no database is named: give --database-url, set SLIPWAY_DATABASE_URL"));
  const auto away = slipway_at("postgresql://u:secret@/postgres?host=/nonexistent");
  EXPECT_EQ(away.exit_code, 1);
  EXPECT_THAT(
      away.err,
      StartsWith("slipway: cannot use PostgreSQL at postgresql://u:***@/postgres?host=/nonexistent: "));
  EXPECT_EQ(std::count(away.err.begin(), away.err.end(), '\n'), 1) << away.err;
  const auto empty = slipway_at(PostgresServer::shared().create_database());
  EXPECT_THAT(empty.err, HasSubstr("no slipway schema: run `slipway migrate`"));
  sql_.exec(
      "DELETE FROM slipway.schema_migrations WHERE number = (SELECT max(number) FROM "
      "slipway.schema_migrations)");
  EXPECT_THAT(
      slipway({"get", "agents"}).err,
      MatchesRegex("slipway: the schema is at [0-9]+, this binary needs [0-9]+: run `slipway migrate`\n"));
  sql_.exec("INSERT INTO slipway.schema_migrations VALUES (900, '0900_future', 900)");
  EXPECT_THAT(slipway({"get", "agents"}).err,
              HasSubstr("the schema is at 900 and needs a binary that knows 900"));
  EXPECT_EQ(slipway({"migrate"}).exit_code, 1);
}

TEST_F(CommandLine, MigrateAppliesOnceAndSaysSo) {
  const auto url = PostgresServer::shared().create_database();
  const auto first = run({built("cmd/slipway/slipway"), "--database-url", url, "migrate"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.out, StartsWith("migration/0001_"));
  const auto second = run({built("cmd/slipway/slipway"), "--database-url", url, "migrate"});
  EXPECT_EQ(second.out, "");
  EXPECT_THAT(second.err, StartsWith("the schema is current (version "));
}

TEST_F(CommandLine, TheUrlMayStandInAFile) {
  char directory[] = "/tmp/slipway-config-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  const auto file = std::string(directory) + "/config.yaml";
  const auto get = [&] {
    return run({built("cmd/slipway/slipway"), "get", "agents", "--config", file},
               {{"SLIPWAY_DATABASE_URL", ""}});
  };
  std::ofstream(file) << "database:\n  url: \"" << url_ << "\"\n";
  EXPECT_EQ(get().exit_code, 0);
  std::ofstream(file) << "database: {url: &x y}\n";
  EXPECT_EQ(get().err,
            "slipway: " + file + ":1:17: database.url: anchors are not supported; write the value out\n");
  std::filesystem::remove_all(directory);
}

TEST_F(CommandLine, APasswordIsNotSaidWhateverIsWrongWithTheUrl) {
  const auto state = ::testing::TempDir() + "slipway-secret-" + std::to_string(getpid());
  for (const auto* url :
       {"postgresql://u:TOPSECRET@[h/db", "postgresql://u:TOPSECRET%zz@h/db", "host=h password=a TOPSECRET",
        "postgresql://u:TOPSECRET@127.0.0.1:1/db", "host=127.0.0.1 port=1 password=TOPSECRET"}) {
    for (const auto* program : {"cmd/slipway/slipway", "cmd/slipwayd/slipwayd"}) {
      std::vector<std::string> words = {built(program)};
      if (program == std::string("cmd/slipway/slipway")) {
        words.insert(words.end(), {"get", "agents"});
      } else {
        words.insert(words.end(),
                     {"--config", "/dev/null", "--startup-timeout", "300ms", "--state-dir", state});
      }
      const auto ran = run(words, {{"SLIPWAY_DATABASE_URL", url}});
      EXPECT_EQ(ran.exit_code, 1) << program << " " << url << ran.err;
      EXPECT_THAT(ran.out + ran.err, ::testing::Not(HasSubstr("TOPSECRET"))) << program << " " << url;
    }
  }
  std::filesystem::remove_all(state);
}

TEST_F(CommandLine, DoctorSaysOkOrFailAndWhatToDo) {
  const auto ran = slipway({"doctor", "--engine-socket", "/nonexistent.sock"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("OK    postgres     reachable at "));
  EXPECT_THAT(ran.out, HasSubstr("OK    schema       version "));
  EXPECT_THAT(ran.out, HasSubstr("OK    clock        "));
  EXPECT_THAT(
      ran.out,
      HasSubstr(
          "FAIL  engine       no container engine at /nonexistent.sock: install one (Debian: docker.io)"));
}

/// Listening, but for root alone.
class ClosedSocket {
 public:
  ClosedSocket()
      : path_(std::filesystem::temp_directory_path() / ("slipway-closed-" + std::to_string(getpid()))) {
    std::filesystem::create_directory(path_);
    std::filesystem::copy_file(built("cmd/slipway/slipway"), path_ / "slipway");  // where anybody may read it
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (path_ / "engine.sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd_, 1) != 0 ||
        chmod(address.sun_path, 0600) != 0) {
      throw std::runtime_error("no socket at " + std::string(address.sun_path));
    }
  }
  ~ClosedSocket() {
    close(fd_);
    std::filesystem::remove_all(path_);
  }
  std::string in(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
  int fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

TEST_F(CommandLine, DoctorNamesASocketItMayNotOpen) {
  ASSERT_EQ(geteuid(), 0U) << "needs root, to become somebody else";
  const ClosedSocket closed;
  const auto ran = run({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                        closed.in("slipway"), "doctor", "--engine-socket", closed.in("engine.sock")},
                       {{"SLIPWAY_DATABASE_URL", url_}});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("FAIL  engine       no permission to open " + closed.in("engine.sock") +
                                 ": run as root, or join the group that owns it"));
}

TEST_F(CommandLine, DevRefusesAnEngineItCannotUseAndLeavesNothing) {
  const auto ran = slipway({"dev", "--engine", "/nonexistent.sock"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, HasSubstr("slipway: no container engine at /nonexistent.sock: install one"));
}

}  // namespace
}  // namespace slipway::test

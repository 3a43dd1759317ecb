// The command through a server: who may what, what goes wrong on the way, and that it says and does the same
// as on the database itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <regex>

#include "test/cmd/shop.h"
#include "test/support/fake_server/fake_server.h"

namespace slipway::test {
namespace {

using testing::HasSubstr;

constexpr auto kTwo =
    "apiVersion: slipway.dev/v1alpha1\nkind: Agent\nmetadata: {name: fresh}\nspec: {image: f:1}\n---\n"
    "apiVersion: slipway.dev/v1alpha1\nkind: Agent\nmetadata: {name: momentum}\nspec: {image: f:1}\n";
constexpr auto kRefused =
    "apiVersion: slipway.dev/v1alpha1\nkind: Execution\nmetadata: {name: refused}\n"
    "spec: {user: u-43, agent: momentum, input: {}}\n";
constexpr auto kDigits =
    "apiVersion: slipway.dev/v1alpha1\nkind: Execution\nmetadata: {name: digits}\n"
    "spec: {user: u-42, agent: momentum, input: {price: 1.50}}\n";
constexpr auto kLong =
    "apiVersion: slipway.dev/v1alpha1\nkind: Execution\nmetadata: {name: long}\n"
    "spec: {user: u-42, agent: momentum, input: {}, timeout: 2h}\n";
constexpr auto kImmutable =
    "apiVersion: slipway.dev/v1alpha1\nkind: Execution\nmetadata: {name: third}\n"
    "spec: {user: u-42, agent: keyphrases, input: {}}\n";

/// Ids, times and ages are of each database.
std::string scrubbed(std::string text) {
  for (const auto& [pattern, word] : {std::pair{"[0-9a-f]{8}-[0-9a-f-]{27}", "ID"},
                                      {"20[0-9-]+T[0-9:.]+(Z|\\+00:00)", "TIME"},
                                      {" +[0-9]+m?s\n", " AGE\n"}})
    text = std::regex_replace(text, std::regex(pattern), word);
  return text;
}

std::string sql_value(Shop& shop, const std::string& query) { return shop.sql().value(query); }

TEST(SameThroughAServer, EachLineSaysAndDoesTheSame) {
  const char* lines[] = {
      "slipway get ex none",
      "slipway get agents none",
      "slipway get quota 'u 7/x'",
      "slipway get ent -o name",
      "slipway get ent e-1 --user u-43",
      "slipway get ex first --user u-43",
      "slipway get ex -l 'batch notin (a),batch' -o name",
      "slipway get ex -o jsonpath='{.items[*].spec.input}'",
      "slipway get ex first -o jsonpath='{.status}'",
      "slipway get ex --limit=1",
      "slipway describe ex/none",
      "slipway apply -f two.yaml",
      "slipway create -f two.yaml",
      "slipway apply -f immutable.yaml",
      "slipway apply --dry-run=server -f fresh.yaml",
      "slipway apply --dry-run=server -f refused.yaml",
      "slipway create -f changed.yaml",
      "slipway apply -f digits.yaml && slipway apply -f digits.yaml",
      "slipway apply -f digits.yaml >&2 && slipway get ex digits -o jsonpath={.spec.input}",
      "slipway run none --input '{}'",
      "slipway run momentum --input '{}' --name first",
      "slipway run momentum --input '{\"symbol\":\"ETH\"}' --name first",
      "slipway run keyphrases --input '{}' --name first",
      "slipway run momentum --input '{\"symbol\": \"ETH\"}' --name first --follow",
      "slipway grant u-43 momentum --id e-1",
      "slipway grant u-43 momentun --id g-2",
      "slipway run momentum --input '{\"x\": 1.10}' --name again",
      "slipway apply -f long.yaml && slipway apply -f long.yaml && slipway diff -f long.yaml",
      "slipway apply --dry-run=server -f long.yaml",
      "slipway run momentum --input '{}' --name long --timeout 2h",
      "slipway cancel third && slipway cancel third",
      "slipway cancel first",
      "slipway cancel none",
      "slipway why third",
      "slipway why first",
      "slipway output first",
      "slipway output third",
      "slipway output none",
      "slipway logs none",
      "slipway logs second",
      "slipway delete node n1",
      "slipway delete entitlement none",
      "slipway delete quota u-42",
      "slipway grant u-43 momentum --uses 3 --id g-1 && slipway get ent g-1 -o jsonpath={.spec}",
      "slipway grant u-43 none --uses 3 --id g-1",
      "slipway force-finish third --reason=x",
      "slipway force-finish none --reason=x",
      "slipway cordon none",
      "slipway cordon n1 && slipway get node n1 -o jsonpath={.spec}",
      "slipway token revoke tok-none",
      "slipway explain agent.spec.image",
      "slipway wait --for=condition=Started ex/none",
      "slipway get ex --status=NONE",
  };
  for (const auto* line : lines) {
    Ran said[2];
    for (const auto way : {Way::Postgres, Way::Http}) {
      const Shop shop(way);
      shop.write("two.yaml", kTwo);
      shop.write("refused.yaml", kRefused);
      shop.write("digits.yaml", kDigits);
      shop.write("long.yaml", kLong);
      shop.write("immutable.yaml", kImmutable);
      // Ids and ages are of each database; the admin's own token is one more there.
      said[way == Way::Http] = shop.run(line);
    }
    EXPECT_EQ(said[0].exit_code, said[1].exit_code) << line << "\n" << said[1].err;
    EXPECT_EQ(scrubbed(said[0].out), scrubbed(said[1].out)) << line;
    EXPECT_EQ(scrubbed(said[0].err), scrubbed(said[1].err)) << line;
  }
}

// What a run left that nobody pays for is read by SQL, by its agent's owner and operators: here by nobody.
TEST(SameThroughAServer, NoLineShowsWhatAnUnpaidRunLeft) {
  for (const auto way : {Way::Postgres, Way::Http}) {
    Shop shop(way);
    shop.sql().exec(
        "INSERT INTO slipway.partial_results (execution_id, attempt, agent, owner, for_submitter, reason, "
        "result) SELECT id, 1, agent, 'u-7', false, 'DeadlineExceeded', 'the whole result' FROM "
        "slipway.executions WHERE name = 'first'");
    for (const auto* token : {"admin", "user"}) {
      if (way == Way::Http && std::string(token) == "user") {
        shop.speak_with(shop.server().token_of(
            "user", sql_value(shop, "SELECT user_id FROM slipway.executions WHERE name = 'first'")));
      }
      for (const auto* line :
           {"get ex first -o yaml", "get ex first -o json", "get ex -o json", "describe ex first",
            "output first", "logs first", "why first", "get agents -o json", "describe agent momentum"}) {
        const auto said = shop.run("slipway " + std::string(line));
        EXPECT_EQ((said.out + said.err).find("whole result"), std::string::npos) << line << said.out;
      }
    }
  }
}

TEST(ThroughAServer, AppliesAllOrNothing) {
  Shop shop(Way::Http);
  shop.write("two.yaml", kTwo);
  const auto ran = shop.run("slipway create -f two.yaml");
  EXPECT_EQ(ran.exit_code, 1) << ran.out;
  EXPECT_EQ(ran.err, "slipway: two.yaml:5: agent/momentum already exists\n");
  EXPECT_EQ(sql_value(shop, "SELECT count(*) FROM slipway.agents WHERE name = 'fresh'"), "0");
}

TEST(ThroughAServer, WhatWouldBeRefusedWritesNoRow) {
  Shop shop(Way::Http);
  shop.write("refused.yaml", kRefused);
  const auto ran = shop.run("slipway apply -f refused.yaml");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, testing::StartsWith("slipway: EntitlementMissing: "));
  EXPECT_EQ(sql_value(shop, "SELECT count(*) FROM slipway.executions WHERE name = 'refused'"), "0");
}

TEST(ThroughAServer, AUserSeesAndChangesItsOwnOnly) {
  Shop shop(Way::Http);
  shop.speak_with(shop.server().token_of("user", "u-42"));
  EXPECT_EQ(shop.run("slipway get ex -o name").out, "execution/third\nexecution/first\n");
  EXPECT_EQ(shop.run("slipway get ex second").err, "slipway: execution \"second\" not found\n");
  EXPECT_EQ(shop.run("slipway cancel second").err, "slipway: execution \"second\" not found\n");
  EXPECT_EQ(shop.run("slipway get nodes").err, "slipway: A token of role user may not do this.\n");
  EXPECT_EQ(shop.run("slipway apply -f fresh.yaml").err,
            "slipway: A token of role user may apply executions only.\n");
  EXPECT_EQ(shop.run("slipway run momentum --input '{}' --user u-43").err,
            "slipway: This token submits for its own user only.\n");
  // Whoever sits at the keyboard: the token says for whom.
  shop.set("USER", "somebody");
  EXPECT_EQ(shop.run("slipway run momentum --input '{}' --name mine").out, "execution/mine created\n");
  EXPECT_EQ(sql_value(shop, "SELECT user_id FROM slipway.executions WHERE name = 'mine'"), "u-42");
  shop.speak_with(shop.server().token_of("reader"));
  EXPECT_EQ(shop.run("slipway cancel third").err, "slipway: A token of role reader may not do this.\n");
}

TEST(ThroughAServer, TokensAreFoundAndChecked) {
  Shop shop(Way::Http);
  const auto token = shop.server().token_of("reader");
  shop.speak_with("slp_wrong");
  const auto wrong = shop.run("slipway get ex");
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("does not take the token: This token is unknown, expired or revoked."));
  shop.write("token", token + "\n");
  EXPECT_EQ(shop.run("slipway --token-file token get agents -o name").err, "");
  EXPECT_EQ(shop.run("slipway --token " + token + " get agents -o name").exit_code, 0);
  EXPECT_EQ(shop.run("slipway --token x --token-file token get agents").exit_code, 2);
  EXPECT_EQ(shop.run("slipway --token-file missing get agents").exit_code, 1);
  shop.speak_with("");
  EXPECT_THAT(shop.run("slipway get ex").err, HasSubstr("no token is named"));
}

TEST(ThroughAServer, ATokenMadeThereOpensItAndIsRevoked) {
  Shop shop(Way::Http);
  const auto made = shop.run("slipway token create --role user --user u-42 --expires 1h");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const auto id = made.err.substr(made.err.find("tok-"), 16);
  const auto as = "slipway --token " + made.out.substr(0, made.out.size() - 1) + " ";
  EXPECT_EQ(shop.run(as + "get ex first -o name").out, "execution/first\n");
  EXPECT_EQ(shop.run("slipway token revoke " + id).out, "token/" + id + " revoked\n");
  EXPECT_EQ(shop.run(as + "get ex first -o name").exit_code, 1);
}

TEST(ThroughAServer, WhatHasNoPlaceThereSaysSo) {
  Shop shop(Way::Http);
  for (const auto* line : {"slipway migrate", "slipway doctor"}) {
    const auto ran = shop.run(line);
    EXPECT_EQ(ran.exit_code, 2) << line;
    EXPECT_THAT(ran.err, HasSubstr("does not work through a server")) << line;
  }
  const auto url = "http://127.0.0.1:" + std::to_string(shop.server().port());
  EXPECT_EQ(shop.run("slipway --server " + url + " dev").exit_code, 2);
  EXPECT_EQ(shop.run("slipway --server " + url + " --database-url x get ex").exit_code, 2);
  EXPECT_EQ(shop.run("slipway --server ftp://x get ex").exit_code, 2);
  EXPECT_EQ(shop.run("slipway --server http://x/y get ex").exit_code, 2);
  // A flag says more than the environment; two variables say too much.
  EXPECT_EQ(shop.run("slipway --database-url '" + shop.url() + "' get ex -o name").exit_code, 0);
  shop.set("SLIPWAY_DATABASE_URL", shop.url());
  EXPECT_THAT(shop.run("slipway get ex").err, HasSubstr("are both set"));
  EXPECT_EQ(shop.run("slipway --server " + url + " get ex").exit_code, 0);
  shop.set("SLIPWAY_DATABASE_URL", "");
  EXPECT_THAT(shop.run("slipway version").out, HasSubstr(", server 9.9.9\n"));
}

/// More than ten thousand; instrumented, where each row costs several times as much, more than two pages.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int kMany = 1'300;
#else
constexpr int kMany = 10'100;
#endif

TEST(ThroughAServer, ManyExecutionsArePaged) {
  Shop shop(Way::Http);
  const auto counted = [&](const std::string& line, int limit) {
    return shop
        .run("slipway get " + line + " -o name --limit=" + std::to_string(limit) + " | sort -u | wc -l")
        .out;
  };
  const auto says = [](int count) { return std::to_string(count) + "\n"; };
  shop.sql().exec(
      "INSERT INTO slipway.executions (user_id, agent, input, labels) SELECT 'u-9', 'momentum', '{}', "
      "json_build_object('n', (n % 2)::text)::jsonb FROM generate_series(1, " +
      std::to_string(kMany + 100) + ") n");
  EXPECT_EQ(counted("ex --user u-9", kMany), says(kMany));
  shop.sql().exec(
      "INSERT INTO slipway.entitlements (id, user_id, agent) SELECT 'many-' || n, 'u-9', 'momentum' FROM "
      "generate_series(1, " +
      std::to_string(kMany) + ") n");
  EXPECT_EQ(counted("ent --user u-9", 2 * kMany), says(kMany));
  EXPECT_EQ(counted("ent --user u-9", kMany - 50), says(kMany - 50));
  EXPECT_EQ(counted("ex -l 'n in (0,7)'", kMany / 2 - 50), says(kMany / 2 - 50));
}

TEST(ThroughAServer, AWatchGoesOnAfterTheServerWasGone) {
  Shop shop(Way::Http);
  const auto command = shop.start("slipway get ex --watch -o name");
  ASSERT_TRUE(eventually([&] { return command->out().ends_with("execution/first\n"); })) << command->err();
  const auto before = command->out();
  shop.server().stop();
  ASSERT_TRUE(eventually([&] {
    return command->err() == "the server is away or busy; going on as soon as it answers\n";
  })) << command->err();
  shop.run_execution("third");
  shop.server().start();
  EXPECT_TRUE(eventually([&] { return command->out() == before + "execution/third\n"; })) << command->out();
  command->signal(SIGINT);
  EXPECT_EQ(command->finish().exit_code, 0);
}

TEST(ThroughAServer, LogsGoOnBehindWhatWasReadAfterTheServerWasGone) {
  Shop shop(Way::Http);
  shop.run_execution("third");
  shop.log("third", "before\n");
  const auto command = shop.start("slipway logs -f third");
  ASSERT_TRUE(eventually([&] { return command->out() == "before\n"; })) << command->err();
  shop.server().stop();
  ASSERT_TRUE(eventually([&] { return !command->err().empty(); }));
  shop.log("third", "after\n");
  shop.server().start();
  ASSERT_TRUE(eventually([&] { return command->out() == "before\nafter\n"; })) << command->out();
  shop.finish_execution("third", "COMPLETED", "Completed", "exit_code = 0");
  EXPECT_EQ(command->finish().exit_code, 0);
  EXPECT_EQ(command->out(), "before\nafter\n");
  EXPECT_EQ(command->err(), "the server is away or busy; going on as soon as it answers\n");
}

TEST(ThroughAServer, LongLogsComeWhole) {
  Shop shop(Way::Http);
  shop.run_execution("third");
  shop.sql().exec(
      "INSERT INTO slipway.execution_log_chunks (execution_id, attempt, seq, at, stream, bytes) SELECT id, "
      "1, "
      "(n - 1) * 60001, now(), 'stdout', convert_to(repeat(chr(233) || 'xy', 15000) || E'\\n', 'UTF8') FROM "
      "slipway.executions, generate_series(1, 100) n WHERE name = 'third'");
  const auto there = shop.run("slipway --database-url '" + shop.url() + "' logs third | sha256sum").out;
  EXPECT_EQ(shop.run("slipway logs third | sha256sum").out, there);
  EXPECT_EQ(shop.run("slipway logs third | wc -l").out, "100\n");
}

std::string certificate_in(const std::filesystem::path& directory, const std::string& name) {
  const auto made = run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                         "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                         directory / (name + ".key"), "-out", directory / (name + ".pem")});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  return directory / name;
}

TEST(ThroughAServer, TlsIsVerified) {
  char path[] = "/tmp/slipway-tls-XXXXXX";
  ASSERT_NE(::mkdtemp(path), nullptr);
  const std::filesystem::path directory = path;
  const auto right = certificate_in(directory, "right"), wrong = certificate_in(directory, "wrong");
  Shop shop(Way::Http, {.certificate = right + ".pem", .private_key = right + ".key"});
  const auto port = std::to_string(shop.server().port());
  const auto ask = [&](const std::string& url, const std::string& flags) {
    return shop.run("slipway --server " + url + ":" + port + " " + flags + " get ex first -o name");
  };
  const auto trusted = " --certificate-authority " + right + ".pem";
  EXPECT_EQ(ask("https://127.0.0.1", trusted).out, "execution/first\n");
  EXPECT_THAT(ask("https://127.0.0.1", "").err, HasSubstr("its certificate is not trusted"));
  EXPECT_THAT(ask("https://127.0.0.1", " --certificate-authority " + wrong + ".pem").err,
              HasSubstr("its certificate is not trusted"));
  EXPECT_THAT(ask("https://localhost", trusted).err, HasSubstr("its certificate is not trusted"));
  EXPECT_THAT(ask("https://127.0.0.1", " --certificate-authority /none").err,
              HasSubstr("cannot use the certificates of /none"));
  EXPECT_EQ(ask("http://127.0.0.1", "").exit_code, 1);
  Shop plain(Way::Http);
  const auto no_tls =
      plain.run("slipway --server https://127.0.0.1:" + std::to_string(plain.server().port()) + " get ex");
  EXPECT_EQ(no_tls.exit_code, 1);
  EXPECT_THAT(no_tls.err, HasSubstr("no TLS: "));
  std::filesystem::remove_all(directory);
}

TEST(ThroughAServer, StrangersAreRecognised) {
  Shop shop(Way::Http);
  const auto said = [&](const std::string& reply) {
    const FakeServer fake({reply});
    const auto ran = shop.run("slipway --server " + fake.url() + " --request-timeout 2s get ex");
    EXPECT_EQ(ran.exit_code, 1) << reply;
    EXPECT_EQ(ran.out, "") << reply;
    return ran.err;
  };
  EXPECT_THAT(said("SSH-2.0-OpenSSH_9.2\r\n\r\n"), HasSubstr("the answer is no HTTP"));
  EXPECT_THAT(said("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"),
              HasSubstr("does not answer like a Slipway server: it sends text/html"));
  EXPECT_THAT(said("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{x"),
              HasSubstr("its JSON is broken"));
  EXPECT_THAT(said("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
              HasSubstr("does not answer like a Slipway server: status 404"));
  EXPECT_THAT(said("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), HasSubstr("is no HTTP"));
  EXPECT_THAT(said("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"),
              HasSubstr("the answer is no HTTP"));
  EXPECT_THAT(said(""), HasSubstr("the connection was closed"));
  EXPECT_THAT(said(std::string(FakeServer::kSilence)), HasSubstr("no answer within its time"));
  EXPECT_THAT(shop.run("slipway --server http://127.0.0.1:1 get ex").err,
              testing::AllOf(HasSubstr("Connection refused"), HasSubstr("is slipwayd running?")));
}

std::string json_reply(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}
const auto kWho = json_reply(R"({"id": "t", "role": "admin", "time": "2027-01-01T00:00:00Z"})");

TEST(ThroughAServer, WhatChangesNothingIsAskedAgain) {
  Shop shop(Way::Http);
  const FakeServer fake(
      {"", kWho, "",
       "HTTP/1.1 503 Busy\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{}",
       json_reply(R"({"items": [], "total": 0, "continue": ""})")});
  const auto ran = shop.run("slipway --server " + fake.url() + " get ex -o name");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(fake.asked(), 5);
}

TEST(ThroughAServer, WhatMayHaveBeenWrittenIsNotSentAgain) {
  Shop shop(Way::Http);
  const FakeServer fake({kWho, ""});
  const auto ran = shop.run("slipway --server " + fake.url() + " create -f request.yaml");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, HasSubstr("the server went away while it wrote; look before you repeat"));
  EXPECT_EQ(fake.asked(), 2);
}

}  // namespace
}  // namespace slipway::test

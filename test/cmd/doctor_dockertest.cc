// Doctor on real servers: a healthy node, and the same node with one thing wrong at a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "test/support/command/command.h"
#include "test/support/house/house.h"

namespace slipway::test {
namespace {

using ::testing::HasSubstr;

/// A node with a configuration of its own, a daemon that runs by it, and the daemon's role as the pages of
/// docs/operations have it made.
class Doctor : public ::testing::Test {
 protected:
  explicit Doctor(DockerEngineOptions engine = {.live_restore = true})
      : house_({.engine = std::move(engine), .start = false, .postgres = &postgres_}) {
    house_.sql().exec("CREATE ROLE daemon LOGIN; GRANT slipway_controller TO daemon");
    url_ = house_.database_url();
    url_.replace(url_.find("postgres@"), 9, "daemon@");
    house_.daemon().options().database_url = url_;
  }
  std::string config() { return house_.engine().dir() + "/config.yaml"; }
  /// `more` are lines below "engine:".
  void configure(const std::string& more = "", const std::string& url = "") {
    std::ofstream(config()) << "database: {url: \"" << (url.empty() ? url_ : url)
                            << "\"}\nstate_dir: " << house_.engine().dir()
                            << "/state\nhttp: {listen: \"127.0.0.1:" << house_.daemon().port()
                            << "\"}\nengine:\n  socket: " << house_.engine().socket_path()
                            << "\n  pid_file: " << house_.engine().pid_file() << "\n"
                            << more;
    chmod(config().c_str(), 0640);
  }
  Ran doctor() {
    return run({built("cmd/slipway/slipway"), "--config", config(), "doctor"},
               {{"SLIPWAY_DATABASE_URL", ""}, {"DOCKER_HOST", ""}});
  }
  /// The line about `what` in what doctor says; empty: none.
  static std::string line(const Ran& ran, const std::string& what) {
    std::istringstream lines(ran.out);
    for (std::string text; std::getline(lines, text);) {
      if (text.size() > 6 && text.substr(6).starts_with(what + " ")) return text;
    }
    return "";
  }

  PostgresServer postgres_{{.fsync = true}};
  House house_;
  std::string url_;
};

// Debian's server knows people by their login: root's doctor asks it as the daemon's user, whose the state
// is.
TEST_F(Doctor, AsksTheDatabaseAsTheUserOfTheDaemon) {
  struct stat server{};
  ASSERT_EQ(stat(postgres_.directory().c_str(), &server), 0);  // the one user who may pass to the socket
  const std::string user = getpwuid(server.st_uid)->pw_name;
  if (user != "postgres") house_.sql().exec("CREATE ROLE " + user + " LOGIN IN ROLE slipway_controller");
  const auto state = house_.engine().dir() + "/state";
  std::filesystem::create_directories(state);
  ASSERT_EQ(chown(state.c_str(), server.st_uid, server.st_gid), 0);
  auto url = url_;
  configure("", url.erase(url.find("daemon@"), 7));
  const auto ran = doctor();
  EXPECT_THAT(line(ran, "postgres"), HasSubstr("reachable")) << ran.out;
  EXPECT_THAT(line(ran, "role"), HasSubstr(user)) << ran.out;
  EXPECT_TRUE(line(ran, "engine").starts_with("OK  ")) << "and the rest as root\n" << ran.out;
}

TEST_F(Doctor, IsContentWithANodeThatIsWell) {
  house_.daemon().start();
  configure();
  const auto ran = doctor();
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  for (const auto* what : {"config",  "state",    "state-room",   "postgres",    "schema",      "clock",
                           "version", "role",     "durability",   "connections", "node",        "engine",
                           "files",   "runtimes", "live-restore", "storage",     "cgroups",     "seccomp",
                           "users",   "logs",     "socket",       "mounts",      "engine-room", "metrics"}) {
    EXPECT_TRUE(line(ran, what).starts_with("OK  ")) << what << "\n" << ran.out;
  }
  EXPECT_THAT(line(ran, "connections"), HasSubstr("96 for 1 daemon"))
      << "100, less 3 reserved, less this test's";
  EXPECT_EQ(house_.leftovers(), std::vector<std::string>{});
}

TEST_F(Doctor, FindsWhatIsWrongWithTheDatabase) {
  configure();
  house_.sql().exec("REVOKE slipway_controller FROM daemon; ALTER ROLE daemon CONNECTION LIMIT 4");
  auto ran = doctor();
  EXPECT_EQ(ran.exit_code, 1) << ran.out;
  EXPECT_THAT(line(ran, "role"),
              HasSubstr("FAIL  role         daemon is not in slipway_controller; expected: the daemon's "
                        "role is a member; GRANT slipway_controller TO daemon"));
  EXPECT_THAT(line(ran, "connections"),
              HasSubstr("WARN  connections  4 for 1 daemon; expected: 10 at least; raise"));

  house_.sql().exec("GRANT slipway_controller TO daemon; ALTER ROLE daemon CONNECTION LIMIT -1");
  house_.sql().query("ALTER SYSTEM SET fsync = off");
  house_.sql().exec("SELECT pg_reload_conf()");
  configure("", house_.database_url());
  ASSERT_TRUE(wait_until([&] { return house_.sql().value("SHOW fsync") == "off"; }, 10'000));
  ran = doctor();
  EXPECT_EQ(ran.exit_code, 0) << "a warning is no failure" << ran.out;
  EXPECT_THAT(line(ran, "durability"), HasSubstr("WARN  durability   fsync is off; expected: both on; "));
  EXPECT_THAT(line(ran, "role"), HasSubstr("WARN  role         postgres is a superuser; "));
}

TEST_F(Doctor, FindsNodesThatAreGoneAndNamesThatAreTaken) {
  house_.daemon().start();
  configure();
  house_.daemon().kill9();
  house_.sql().exec(
      "UPDATE slipway.nodes SET heartbeat_at = now() - interval '1 minute', instance_id = 'another'");
  const auto ran = doctor();
  EXPECT_EQ(ran.exit_code, 1) << ran.out;
  EXPECT_THAT(line(ran, "node"), HasSubstr("WARN  node         n1 was last heard of 6"));
  EXPECT_THAT(line(ran, "name"),
              HasSubstr("FAIL  name         n1 is the name of another daemon's node, too; "));
  EXPECT_THAT(line(ran, "metrics"), HasSubstr("WARN  metrics      nobody answers at 127.0.0.1:"));
}

TEST_F(Doctor, FindsAClassWithoutARuntimeAndASettingThatIsNone) {
  configure("  runtimes: {gvisor: runsc}\n");
  auto ran = doctor();
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(line(ran, "class"),
              HasSubstr("FAIL  class        gvisor leads to runtime runsc, which the engine does not have"));
  EXPECT_THAT(line(ran, "class"), HasSubstr("(docs/operations/gvisor.md)"));
  configure("  runtime: {gvisor: runsc}\n");
  ran = doctor();
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(line(ran, "config"), HasSubstr("unknown setting \"engine.runtime.gvisor\""));
}

TEST_F(Doctor, FindsWhoElseMayReadAndUse) {
  house_.daemon().start();
  configure();
  chmod(config().c_str(), 0644);
  chmod((house_.engine().dir() + "/state").c_str(), 0733);
  chmod(house_.engine().socket_path().c_str(), 0666);
  const auto ran = doctor();
  EXPECT_EQ(ran.exit_code, 1) << ran.out;
  EXPECT_THAT(line(ran, "config"), HasSubstr("WARN  config       " + config() +
                                             " has mode 0644: others may use it; expected: 0640"));
  EXPECT_THAT(line(ran, "state"), HasSubstr("FAIL  state "));
  EXPECT_THAT(line(ran, "socket"), HasSubstr("FAIL  socket "));
}

TEST_F(Doctor, FindsAStateDirectoryThatIsFull) {
  const auto state = house_.engine().dir() + "/state";
  std::filesystem::create_directory(state);
  ASSERT_EQ(mount("tmpfs", state.c_str(), "tmpfs", 0, "size=64m,mode=0711"), 0);
  configure();
  const auto ran = doctor();
  EXPECT_EQ(umount(state.c_str()), 0);
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(line(ran, "state-room"), HasSubstr("FAIL  state-room   0.1 GiB free"));
  EXPECT_THAT(line(ran, "state-room"), HasSubstr("make room"));
}

/// An engine that systemd was told to give mounts of its own, and that takes its containers with it.
class DoctorOfASeparateEngine : public Doctor {
 protected:
  DoctorOfASeparateEngine() : Doctor({.private_mounts = true}) {}
};

TEST_F(DoctorOfASeparateEngine, SaysWhyMountModeCannotBe) {
  house_.daemon().options().io = "volume";
  house_.daemon().start();
  EXPECT_THAT(house_.daemon().log(), HasSubstr(R"("msg":"limits not enforceable","limits":"output")"));
  configure();
  const auto ran = doctor();
  EXPECT_THAT(line(ran, "mounts"),
              HasSubstr("WARN  mounts       the engine has a mount namespace of its own; expected: the "
                        "host's, for mount mode; take MountFlags="));
  EXPECT_THAT(line(ran, "files"), HasSubstr("input and output by volume"));
  EXPECT_THAT(line(ran, "node"), HasSubstr("WARN  node         n1 cannot enforce: output; "));
  EXPECT_THAT(line(ran, "limits"), HasSubstr("WARN  limits       not enforceable: output"));
  EXPECT_THAT(line(ran, "live-restore"), HasSubstr("WARN  live-restore off; expected: on; "));
}

}  // namespace
}  // namespace slipway::test

// The packages, as their users meet them: on a Debian without anything, upgraded under a running execution,
// and in a container that has the engine's socket and cgroups, and a database, and nothing else.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "test/packaging/packages.h"
#include "test/support/command/command.h"
#include "test/support/house/house.h"

namespace slipway::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string source(const std::string& path) {
  return std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/" + path;
}

/// Of `key=` in a unit, in the words setpriv knows: "sys_admin chown".
std::vector<std::string> capabilities_in(const std::filesystem::path& unit) {
  std::smatch found;
  const auto text = text_of(unit);
  if (!std::regex_search(text, found, std::regex("\nAmbientCapabilities=(.*)\n"))) return {};
  std::vector<std::string> names;
  std::istringstream words(found[1]);
  for (std::string word; words >> word;) {
    std::ranges::transform(word, word.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    names.push_back(word.substr(4));
  }
  return names;
}

/// What a unit's user, groups and capabilities come to, without systemd.
class InstalledDaemon {
 public:
  InstalledDaemon(House& house, const CleanRoot& root, std::string unit)
      : house_(house), root_(root), unit_(std::move(unit)) {
    const auto ids = root_.run("id -u slipway; id -g slipway; getent group docker | cut -d: -f3");
    std::istringstream(ids) >> user_ >> group_ >> docker_;
    const auto& dir = house_.engine().dir();
    ::chmod(dir.c_str(), 0711);
    sh("mkdir -p " + dir + "/state && chown -R " + user_ + ":" + group_ + " " + dir + "/state && chmod 711 " +
       dir + "/state && chgrp " + docker_ + " " + house_.engine().socket_path());
  }

  void start(bool volume) {
    port_ = free_port();
    std::string set = "-all", added;
    for (const auto& name : capabilities_in(root_.dir() / "lib/systemd/system" / unit_))
      set += ",+" + name, added += "+" + name + ",";
    if (!added.empty()) added.pop_back();
    process_.start({"/usr/bin/setpriv",
                    "--reuid",
                    user_,
                    "--regid",
                    group_,
                    "--groups",
                    docker_,
                    "--bounding-set",
                    set,
                    "--inh-caps",
                    added,
                    "--ambient-caps",
                    added,
                    "--no-new-privs",
                    root_.dir() / "usr/sbin/slipwayd",
                    "--config",
                    root_.dir() / "etc/slipway/config.yaml",
                    "--engine-io",
                    volume ? "volume" : "mount",
                    "--database-url",
                    house_.database_url(),
                    "--engine-socket",
                    house_.engine().socket_path(),
                    "--engine-pid-file",
                    house_.engine().pid_file(),
                    "--state-dir",
                    house_.engine().dir() + "/state",
                    "--node-name",
                    "n1",
                    "--http-listen",
                    "127.0.0.1:" + std::to_string(port_)},
                   log());
    const bool up = wait_until(
        [&] { return !process_.running() || text_of(log()).find("\"msg\":\"ready\"") != std::string::npos; },
        30'000);
    if (!up || !process_.running()) throw std::runtime_error("slipwayd is not ready:\n" + text_of(log()));
  }
  void stop() {
    process_.signal(SIGTERM);
    ASSERT_TRUE(process_.wait_exit(15'000));
    EXPECT_EQ(process_.exit_code(), 0) << text_of(log());
  }
  std::string log() const { return house_.engine().dir() + "/installed.log"; }

 private:
  House& house_;
  const CleanRoot& root_;
  std::string unit_, user_, group_, docker_;
  int port_ = 0;
  ChildProcess process_;
};

class Package : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (kSanitized) return;
    packages_ = new Packages("0.1.0");
    root_ = new CleanRoot;
    root_->install(*packages_);
  }
  static void TearDownTestSuite() {
    delete root_;
    delete packages_;
    root_ = nullptr, packages_ = nullptr;
  }
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "packages are made of plain builds; the same files are tested there";
  }

  /// A house whose daemon is not the build tree's.
  static House::Options unmanned() {
    House::Options options;
    options.start = false;
    return options;
  }

  static void run_one(House& house) {
    house.agent("copy", "echo up; cp /input/input.json /output/result.json");
    const auto id = house.insert("copy", R"({"n":1})");
    const auto row = house.finished(id);
    EXPECT_EQ(row.at("reason"), "Completed");
    EXPECT_EQ(row.at("output"), R"({"n":1})");
    EXPECT_THAT(house.leftovers(), ::testing::IsEmpty());
  }

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  static constexpr bool kSanitized = true;
#else
  static constexpr bool kSanitized = false;
#endif
#endif
  inline static Packages* packages_ = nullptr;
  inline static CleanRoot* root_ = nullptr;
};

TEST_F(Package, LintianFindsNothingThatIsNotNamed) {
  EXPECT_EQ(sh("lintian --allow-root --fail-on error,warning " + packages_->dir().string() + "/*.deb"), "");
}

TEST_F(Package, MakesUserDirectoriesAndConfiguration) {
  EXPECT_THAT(root_->run("id slipway"), HasSubstr("(docker)"));
  EXPECT_EQ(root_->run("stat -c \"%U %a\" /var/lib/slipway"), "slipway 711\n");
  EXPECT_EQ(root_->run("stat -c \"%U %G %a\" /etc/slipway/config.yaml"), "root slipway 640\n");
  EXPECT_THAT(root_->run("dpkg-query -W -f=\"\\${Conffiles}\" slipwayd"),
              HasSubstr("/etc/slipway/config.yaml"));
  EXPECT_THAT(root_->run("slipwayd --version && slipway version"), HasSubstr("0.1.0"));
  EXPECT_THAT(root_->run("ls /usr/share/bash-completion/completions/slipway"), HasSubstr("slipway"));
  EXPECT_THAT(root_->run("slipwayd --startup-timeout 100ms 2>&1 || true"), HasSubstr("database"))
      << "no database yet: one clear line";
}

TEST_F(Package, UnitsVerifyAndAreHardened) {
  for (const std::string unit : {"slipwayd.service", "slipwayd-volume.service"})
    EXPECT_EQ(sh("systemd-analyze verify --man=no --root=" + root_->dir().string() + " " + unit + " 2>&1"),
              "");
  const auto score = [&](const std::string& unit) {
    const auto said =
        sh("systemd-analyze security --no-pager --offline=true --root=" + root_->dir().string() + " " + unit +
           " 2>&1");
    std::smatch found;
    EXPECT_TRUE(std::regex_search(said, found, std::regex("exposure level for \\S+: ([0-9.]+)"))) << said;
    std::printf("systemd-analyze security %-24s %s\n", unit.c_str(), found[1].str().c_str());
    return std::stod(found[1]);
  };
  EXPECT_LE(score("slipwayd.service"), 5.0);
  EXPECT_LE(score("slipwayd-volume.service"), 2.5);
}

TEST_F(Package, InstalledDaemonRunsAnExecutionInMountMode) {
  House house(unmanned());
  InstalledDaemon daemon(house, *root_, "slipwayd.service");
  daemon.start(false);
  run_one(house);
  daemon.stop();
}

TEST_F(Package, InstalledDaemonRunsAnExecutionInVolumeMode) {
  House house(unmanned());
  InstalledDaemon daemon(house, *root_, "slipwayd-volume.service");
  daemon.start(true);
  run_one(house);
  daemon.stop();
}

TEST_F(Package, AnUpgradeKeepsWhatRuns) {
  const Packages earlier("0.0.9");
  CleanRoot root;
  root.install(earlier);
  House house(unmanned());
  InstalledDaemon daemon(house, root, "slipwayd.service");
  daemon.start(false);
  house.agent("long",
              "i=0; while [ ! -e /tmp/never ] && [ $i -lt 300 ]; do sleep 0.1; i=$((i+1)); done; cp "
              "/input/input.json /output/result.json");
  const auto id = house.insert("long", R"({"n":2})");
  ASSERT_TRUE(house.wait_for(id, "stage", "Running", 30'000));
  root.run("echo \"# mine\" >> /etc/slipway/config.yaml");
  root.install(*packages_);
  EXPECT_THAT(root.run("dpkg-query -W slipwayd"), HasSubstr("0.1.0"));
  EXPECT_THAT(text_of(root.dir() / "etc/slipway/config.yaml"), HasSubstr("# mine"))
      << "a conffile is the operator's";
  daemon.stop();
  daemon.start(false);
  const auto row = house.finished(id, 60'000);
  EXPECT_EQ(row.at("reason"), "Completed");
  EXPECT_EQ(row.at("output"), R"({"n":2})");
  EXPECT_EQ(row.at("attempt"), "1");
  EXPECT_EQ(house.starts(id), 1);
  daemon.stop();
}

/// The image of manifests/docker/Dockerfile, on the clean root instead of a registry's Debian.
TEST_F(Package, InAContainerWithOnlySocketCgroupsAndDatabase) {
  PostgresServer postgres({.tcp = true});
  auto options = unmanned();
  options.postgres = &postgres;
  House house(options);
  const auto& socket = house.engine().socket_path();
  const std::string docker = "DOCKER_BUILDKIT=0 DOCKER_HOST=unix://" + socket + " docker ";
  const CleanRoot base;
  sh("tar -C " + base.dir().string() + " -c . | " + docker + "import - slipway.local/base:bookworm");
  sh(docker + "build --network host -q -t slipwayd --build-arg BASE=slipway.local/base:bookworm -f " +
     source("manifests/docker/Dockerfile") + " " + packages_->dir().string());
  const auto database =
      house.database_url().substr(house.database_url().rfind('/', house.database_url().find('?')) + 1);
  const auto url = postgres.tcp_url(database.substr(0, database.find('?')));
  const int port = free_port();
  sh(docker +
     "run -d --name slipwayd --hostname compose --network host --read-only --cap-drop ALL --security-opt "
     "no-new-privileges -v /sys/fs/cgroup:/sys/fs/cgroup -v " +
     socket + ":/run/docker.sock -v state:/var/lib/slipway -e SLIPWAY_DATABASE_URL='" + url +
     "' -e SLIPWAY_HTTP_LISTEN=127.0.0.1:" + std::to_string(port) + " slipwayd");
  HouseCgroups cgroups("");  // its state directory is a volume
  const auto logs = [&] { return sh(docker + "logs slipwayd 2>&1"); };
  ASSERT_TRUE(wait_until([&] { return logs().find("\"msg\":\"ready\"") != std::string::npos; }, 60'000))
      << logs();

  const std::map<std::string, std::string> environment = {{"SLIPWAY_DATABASE_URL", url}};
  const auto slipway = [&](std::vector<std::string> words) {
    words.insert(words.begin(), built("cmd/slipway/slipway"));
    const auto ran = run(words, environment);
    EXPECT_EQ(ran.exit_code, 0) << ran.err << logs();
    return ran.out;
  };
  for (const std::string name : {"momentum", "keyphrases"})
    sh("tar -C " + built("samples") + " --owner=0 --group=0 -c " + name + " | " + docker +
       "import - slipway.local/" + name + ":demo");
  slipway({"apply", "-f", source("manifests/samples")});
  slipway({"grant", "u-42", "momentum", "--uses", "2"});
  slipway({"grant", "u-42", "keyphrases", "--uses", "1"});
  const auto answer = [&](const std::string& agent, const std::string& input) {
    return json::parse(slipway({"run", agent, "--user", "u-42", "--input", "@" + input, "--follow"}));
  };
  const auto expected = [&](const std::string& path) {
    return json::parse(text_of(source("manifests/samples/" + path)));
  };
  const auto demo = source("manifests/samples/momentum/demo/");
  EXPECT_EQ(answer("momentum", demo + "eth-1h.json"), expected("momentum/demo/eth-1h.expected.json"));
  EXPECT_EQ(answer("momentum", demo + "btc-4h.json"), expected("momentum/demo/btc-4h.expected.json"));
  const auto gpl = house.engine().dir() + "/gpl.json";
  std::ofstream(gpl) << json{{"document", text_of("/usr/share/common-licenses/GPL-3")}}.dump();
  EXPECT_EQ(answer("keyphrases", gpl), expected("keyphrases/demo/gpl-3.expected.json"));
  EXPECT_TRUE(wait_until(
      [&] {
        return house.sql().value("SELECT count(*) FROM slipway.executions WHERE stage <> 'Cleaned'") == "0";
      },
      20'000));
  EXPECT_EQ(sh(docker + "ps -aq | wc -l"), "1\n") << "slipwayd's own and no other";
  EXPECT_EQ(sh(docker + "volume ls -q"), "state\n");
  cgroups.instance(house.sql().value("SELECT instance_id FROM slipway.nodes"));
  EXPECT_THAT(cgroups.of_attempts(), ::testing::IsEmpty());
  EXPECT_EQ(
      house.sql().value("SELECT count(*) FROM slipway.attempts WHERE peak_memory_bytes > 0 AND cpu_ms >= 0"),
      "3");
  sh(docker + "stop -t 20 slipwayd");
  EXPECT_EQ(sh(docker + "inspect -f '{{.State.ExitCode}}' slipwayd"), "0\n") << logs();
}

}  // namespace
}  // namespace slipway::test

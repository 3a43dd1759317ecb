// What doctor says of facts that no test can make real: each check is brought to its worse verdicts by one
// fact of an otherwise healthy world.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cmd/slipway/doctor_database.h"
#include "cmd/slipway/doctor_engine.h"
#include "cmd/slipway/doctor_host.h"

namespace slipway::cli {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using Verdict = Finding::Verdict;

std::string page(const std::string& name) {
  const auto path = std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/docs/operations/" + name;
  EXPECT_TRUE(std::filesystem::is_regular_file(path)) << path;
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// "WARN live-restore, FAIL class", in their order; empty: all is well. Every line has its place in the list
/// of them, and every complaint says what to do and where more of it is said.
std::string complaints(const Findings& findings) {
  const auto list = page("doctor.md");
  std::string text;
  for (const auto& finding : findings) {
    EXPECT_THAT(list, HasSubstr("`" + finding.what + "`"));
    if (finding.verdict == Verdict::Ok) continue;
    text += (text.empty() ? "" : ", ") + std::string(finding.verdict == Verdict::Warn ? "WARN " : "FAIL ") +
            finding.what;
    EXPECT_FALSE(finding.found.empty() || finding.expected.empty() || finding.action.empty()) << finding.what;
    page(finding.page);
  }
  return text;
}

json healthy_engine() {
  return json::parse(
      R"({"LiveRestoreEnabled": true, "Driver": "overlay2", "CgroupVersion": "2", "CgroupDriver": "systemd",
    "SecurityOptions": ["name=apparmor", "name=seccomp,profile=default", "name=cgroupns"],
    "Plugins": {"Log": ["json-file", "local"]}, "Runtimes": {"runc": {}, "runsc": {}}})");
}
std::string engine_with(const char* patch) {
  auto info = healthy_engine();
  info.merge_patch(json::parse(patch));
  return complaints(judge_engine(info, {{"gvisor", "runsc"}}));
}

TEST(DoctorOfEngines, FindsEachThingThatIsWrong) {
  EXPECT_EQ(engine_with("{}"), "");
  EXPECT_EQ(engine_with(R"({"LiveRestoreEnabled": false})"), "WARN live-restore");
  EXPECT_EQ(engine_with(R"({"Driver": "vfs"})"), "WARN storage");
  EXPECT_EQ(engine_with(R"({"CgroupDriver": "none"})"), "FAIL cgroups");
  EXPECT_EQ(engine_with(R"({"SecurityOptions": ["name=apparmor"]})"), "FAIL seccomp");
  EXPECT_EQ(engine_with(R"({"SecurityOptions": ["name=apparmor", "name=seccomp,profile=unconfined"]})"),
            "FAIL seccomp");
  EXPECT_EQ(engine_with(R"({"SecurityOptions": ["name=apparmor", "name=seccomp,profile=/etc/own.json"]})"),
            "WARN seccomp");
  EXPECT_EQ(engine_with(R"({"SecurityOptions": ["name=selinux", "name=seccomp,profile=builtin"]})"), "");
  EXPECT_EQ(engine_with(R"({"SecurityOptions": ["name=seccomp,profile=default"]})"), "WARN lsm");
  EXPECT_EQ(engine_with(R"({"SecurityOptions": ["name=apparmor", "name=seccomp", "name=userns"]})"),
            "WARN users");
  EXPECT_EQ(engine_with(R"({"SecurityOptions": ["name=apparmor", "name=seccomp", "name=rootless"]})"),
            "WARN users");
  EXPECT_EQ(engine_with(R"({"Plugins": {"Log": ["json-file"]}})"), "FAIL logs");
  EXPECT_EQ(engine_with(R"({"Runtimes": {"runsc": null}})"), "FAIL class");
}

TEST(DoctorOfEngines, IsNotLostWithoutAWord) {
  EXPECT_EQ(complaints(judge_engine(json::object(), {})),
            "WARN live-restore, WARN storage, FAIL cgroups, FAIL seccomp, WARN lsm, FAIL logs");
}

store::postgres::Survey healthy_database() {
  return {
      .server_version = 150004,
      .server_version_text = "15.4",
      .fsync = true,
      .full_page_writes = true,
      .connections = 97,
      .role = "slipway",
      .controller = true,
      .nodes = {
          {.name = "n1", .instance = "i1", .heartbeat_age_seconds = 3, .lease_seconds = 15, .ready = true}}};
}
template <class Change>
std::string database_with(Change change, const NodeIdentity& here = {"n1", "i1"}) {
  auto survey = healthy_database();
  change(survey);
  return complaints(judge_database(survey, here));
}

TEST(DoctorOfDatabases, FindsEachThingThatIsWrong) {
  EXPECT_EQ(database_with([](auto&) {}), "");
  EXPECT_EQ(database_with([](auto& s) { s.server_version = 140009; }), "FAIL version");
  EXPECT_EQ(database_with([](auto& s) { s.controller = false; }), "FAIL role");
  EXPECT_EQ(database_with([](auto& s) { s.superuser = true; }), "WARN role");
  EXPECT_EQ(database_with([](auto& s) { s.fsync = false; }), "WARN durability");
  EXPECT_EQ(database_with([](auto& s) { s.full_page_writes = false; }), "WARN durability");
  EXPECT_EQ(database_with([](auto& s) { s.connections = 9; }), "WARN connections");
  EXPECT_EQ(database_with([](auto& s) { s.nodes[0].heartbeat_age_seconds = 16; }), "WARN node");
  EXPECT_EQ(database_with([](auto& s) { s.nodes[0].ready = false; }), "WARN node");
  EXPECT_EQ(database_with([](auto& s) { s.nodes[0].not_enforceable = {"swap"}; }), "WARN node");
  EXPECT_EQ(database_with([](auto&) {}, {"n1", "another"}), "FAIL name");
  EXPECT_EQ(database_with([](auto&) {}, {"n2", "i2"}), "");
  EXPECT_EQ(database_with([](auto& s) { s.nodes.clear(); }, {}), "");
}

TEST(DoctorOfDatabases, ConnectionsAreThoseOfAllDaemonsThatLive) {
  const auto of_three = [](int age) {
    return database_with([&](auto& s) {
      s.connections = 25;
      s.nodes.resize(3, {.name = "other", .heartbeat_age_seconds = age, .lease_seconds = 15, .ready = true});
    });
  };
  EXPECT_EQ(of_three(1), "WARN connections");
  EXPECT_EQ(of_three(100), "WARN node, WARN node") << "who is gone needs none";
}

TEST(DoctorOfClocks, WarnsFromTwoSecondsOn) {
  EXPECT_EQ(judge_clock(1.9).verdict, Verdict::Ok);
  EXPECT_EQ(judge_clock(-2.1).verdict, Verdict::Warn);
}

class DoctorOfHosts : public ::testing::Test {
 protected:
  DoctorOfHosts() {
    char path[] = "/tmp/slipway-doctor-test-XXXXXX";
    dir_ = mkdtemp(path);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string file(const std::string& name, mode_t mode) {
    const auto path = dir_ + "/" + name;
    std::ofstream(path) << "x";
    chmod(path.c_str(), mode);
    return path;
  }
  std::string dir_;
};

TEST_F(DoctorOfHosts, SecretsAreNotForOthers) {
  Config config;
  EXPECT_EQ(complaints(check_secrets(file("config.yaml", 0640), config)), "");
  EXPECT_EQ(complaints(check_secrets(file("config.yaml", 0644), config)), "WARN config");
  config.registry_auth = file("auth.json", 0604);
  config.http_key = dir_ + "/absent.pem";
  EXPECT_EQ(complaints(check_secrets(file("config.yaml", 0600), config)), "WARN registry, FAIL tls-key");
}

TEST_F(DoctorOfHosts, TheStateDirectoryIsPassedThroughAndNotWritten) {
  const auto with_mode = [&](mode_t mode) {
    chmod(dir_.c_str(), mode);
    return complaints(check_state(dir_));
  };
  EXPECT_EQ(with_mode(0711), "");
  EXPECT_EQ(with_mode(0755), "");
  EXPECT_EQ(with_mode(0700), "WARN state") << "what is bound from there is out of reach for a remapped root";
  EXPECT_EQ(with_mode(0777), "FAIL state");
  EXPECT_EQ(complaints(check_state(dir_ + "/absent")), "WARN state");
}

TEST_F(DoctorOfHosts, TheSocketIsNobodysElse) {
  EXPECT_EQ(complaints({check_socket(file("docker.sock", 0660))}), "");
  EXPECT_EQ(complaints({check_socket(file("docker.sock", 0666))}), "FAIL socket");
}

TEST_F(DoctorOfHosts, TheDoorIsShutOrLocked) {
  Config config;
  config.http_port = 1;  // nobody listens there
  EXPECT_EQ(complaints(check_http(config)), "WARN metrics");
  config.http_host = "0.0.0.0";
  EXPECT_EQ(complaints(check_http(config)), "WARN listen, WARN metrics");
  config.http_certificate = "/etc/slipway/tls.crt";
  EXPECT_EQ(complaints(check_http(config)), "");
}

TEST(DoctorsLines, SayWhatIsExpectedAndWhatToDo) {
  EXPECT_EQ(sentence(warning("x", "off", "on", "switch it on", "nodes.md")),
            "off; expected: on; switch it on (docs/operations/nodes.md)");
  EXPECT_EQ(sentence(good("x", "on")), "on");
}

}  // namespace
}  // namespace slipway::cli

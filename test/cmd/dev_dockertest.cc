// `slipway dev` from its start to its end: everything it starts serves, and nothing of it is left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "test/support/command/command.h"

namespace slipway::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr auto kAgent = R"(apiVersion: slipway.dev/v1alpha1
kind: Agent
metadata: {name: shell}
spec:
  image: slipway-test-shell
  imagePullPolicy: Never
  command: [/bin/busybox, sh, -c]
  args: ["echo working >&2; cp /input/input.json /output/result.json; sleep $(cat /input/input.json); exit 0"]
)";

std::string read_all(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool eventually(seconds timeout, const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

// Processes whose command line names the directory.
std::set<std::string> processes_of(const std::string& directory) {
  std::set<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
    const auto command = read_all(entry.path() / "cmdline");
    if (command.find(directory) != std::string::npos)
      found.insert(entry.path().filename().string() + " " + command.substr(0, 80));
  }
  return found;
}

class Dev : public testing::Test {
 protected:
  Dev() {
    if (::geteuid() != 0) throw std::runtime_error("needs root: it starts a private engine");
    char directory[] = "/tmp/slipway-devtest-XXXXXX";
    if (::mkdtemp(directory) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = directory;
    fs::permissions(directory_, fs::perms(0755));  // the database's user passes through
  }
  ~Dev() override {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }

  std::unique_ptr<Command> start(std::vector<std::string> more = {}) {
    const auto file = directory_ + "/info.json";
    std::vector<std::string> argv = {built("cmd/slipway/slipway"),
                                     "--config",
                                     "/nonexistent",
                                     "dev",
                                     "--engine",
                                     "private",
                                     "--info-file",
                                     file};
    argv.insert(argv.end(), more.begin(), more.end());
    auto dev =
        std::make_unique<Command>(argv, std::map<std::string, std::string>{{"SLIPWAY_DATABASE_URL", ""}});
    const bool up = eventually(seconds(90), [&] { return dev->ended() || fs::exists(file); });
    EXPECT_TRUE(up && !dev->ended()) << dev->err();
    info_ = json::parse(read_all(file), nullptr, false);
    return dev;
  }
  Ran slipway(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), built("cmd/slipway/slipway"));
    return run(arguments, {{"SLIPWAY_DATABASE_URL", info("database_url")}}, input);
  }
  std::string info(const char* key) const { return info_.value(key, ""); }
  // The directory below /tmp where everything of this run lives.
  std::string home() const { return fs::path(info("engine_socket")).parent_path().parent_path().string(); }

  void import_image() {
    const auto tar = run({"sh", "-c",
                          "d=$(mktemp -d) && mkdir -p $d/bin $d/tmp $d/input $d/output && cp /bin/busybox "
                          "$d/bin/ && tar -C $d -c . | "
                          "docker -H unix://" +
                              info("engine_socket") + " import - slipway-test-shell && rm -rf $d"});
    ASSERT_EQ(tar.exit_code, 0) << tar.err;
  }
  void expect_nothing_left(const std::string& home) {
    EXPECT_FALSE(fs::exists(home));
    EXPECT_TRUE(processes_of(home).empty()) << *processes_of(home).begin();
    EXPECT_EQ(read_all("/proc/self/mountinfo").find(home), std::string::npos);
    EXPECT_FALSE(fs::exists(directory_ + "/info.json"));
  }

  std::string directory_;
  json info_;
};

TEST_F(Dev, RunsAnAgentAndLeavesNothing) {
  auto dev = start();
  ASSERT_FALSE(dev->ended());
  EXPECT_THAT(dev->out(), HasSubstr("psql '" + info("database_url") + "'"));
  import_image();
  ASSERT_EQ(slipway({"apply", "-f", "-"}, kAgent).exit_code, 0);
  const auto refused = slipway({"run", "shell", "--user", "u-1", "--input", "0", "--follow"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("EntitlementMissing"));
  ASSERT_EQ(slipway({"grant", "u-1", "shell", "--uses", "2"}).exit_code, 0);
  const auto ran = slipway({"run", "shell", "--user", "u-1", "--input", "0", "--follow"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "0\n");
  EXPECT_THAT(ran.err, HasSubstr("working\n"));
  EXPECT_EQ(slipway({"doctor", "--engine-socket", info("engine_socket")}).exit_code, 0);
  // One that would run for minutes is stopped, too.
  ASSERT_EQ(slipway({"run", "shell", "--user", "u-1", "--input", "200", "--name", "long"}).exit_code, 0);
  ASSERT_EQ(slipway({"wait", "long", "--for=condition=Started"}).exit_code, 0);
  dev->signal(SIGINT);
  const auto ended = dev->finish(seconds(60));
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  expect_nothing_left(home());
}

/// The lines it proposes to try.
std::string trial_of(const std::string& banner) {
  const std::string head = "Try it in another terminal:\n", tail = "Ctrl-C";
  const auto begin = banner.find(head) + head.size();
  return banner.substr(begin, banner.find(tail, begin) - begin);
}

TEST_F(Dev, WhatItProposesRunsAsItIsPrinted) {
  auto dev = start();
  ASSERT_FALSE(dev->ended());
  ASSERT_TRUE(eventually(seconds(10), [&] { return dev->out().find("Ctrl-C") != std::string::npos; }));
  const auto trial = trial_of(dev->out());
  const auto tried = run({"/bin/bash", "-e", "-o", "pipefail", "-c", "cd /\n" + trial},
                         {{"SLIPWAY_DATABASE_URL", ""}, {"DOCKER_HOST", ""}, {"SLIPWAY_SERVER", ""}});
  EXPECT_EQ(tried.exit_code, 0) << trial << tried.err;
  EXPECT_THAT(tried.out, HasSubstr("\"signal\"")) << trial;
  dev->signal(SIGINT);
  EXPECT_EQ(dev->finish(seconds(60)).exit_code, 0);
}

TEST_F(Dev, SaysWhichChildDiedAndWhy) {
  auto dev = start();
  ASSERT_FALSE(dev->ended());
  ::kill(static_cast<pid_t>(info_.value("slipwayd_pid", 0)), SIGKILL);
  const auto ended = dev->finish(seconds(60));
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("slipway: slipwayd was killed by signal 9 (Killed); its last lines:"));
  expect_nothing_left(home());
}

TEST_F(Dev, KeepsItsDataInADataDirectory) {
  const auto data = directory_ + "/data";
  {
    auto dev = start({"--data-dir", data});
    ASSERT_FALSE(dev->ended());
    ASSERT_EQ(slipway({"apply", "-f", "-"}, kAgent).exit_code, 0);
    dev->signal(SIGTERM);
    EXPECT_EQ(dev->finish(seconds(60)).exit_code, 0);
    expect_nothing_left(home());
  }
  fs::permissions(directory_, fs::perms(0700));
  const auto refused =
      run({built("cmd/slipway/slipway"), "--config", "/nonexistent", "dev", "--data-dir", data},
          {{"SLIPWAY_DATABASE_URL", ""}});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("who may not enter " + directory_ + ": choose a --data-dir elsewhere"));
  fs::permissions(directory_, fs::perms(0755));
  auto dev = start({"--data-dir", data});
  ASSERT_FALSE(dev->ended());
  EXPECT_EQ(slipway({"get", "agents", "-o", "name"}).out, "agent/shell\n");
  dev->signal(SIGTERM);
  EXPECT_EQ(dev->finish(seconds(60)).exit_code, 0);
}

}  // namespace
}  // namespace slipway::test

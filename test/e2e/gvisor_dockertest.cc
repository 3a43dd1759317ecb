// Agents that ask for a second kernel, run by Debian's runsc: what holds as with runc, and what
// docs/operations/gvisor.md says is different.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "test/support/house/house.h"

namespace slipway::test {
namespace {

class Gvisor : public ::testing::TestWithParam<std::string> {
 protected:
  Gvisor()
      : house_({.engine = {.runtimes = {{"runsc", {"/usr/bin/runsc", "--network=none"}}}},
                .io = GetParam(),
                .flags = {"--resync", "2s", "--engine-runtimes", "gvisor=runsc,absent=absent"}}) {}
  void TearDown() override { EXPECT_EQ(house_.leftovers(), std::vector<std::string>{}); }

  std::string insert(const std::string& script, const std::string& spec = "{}",
                     const std::map<std::string, std::string>& columns = {}) {
    const auto name = "agent-" + std::to_string(++agents_);
    auto whole = nlohmann::json::parse(R"({"runtimeClassName": "gvisor"})");
    whole.merge_patch(nlohmann::json::parse(spec));
    house_.agent(name, script, whole.dump());
    return id_ = house_.insert(name, R"({"n":1})", columns);
  }
  std::string end() {
    auto row = house_.finished(id_, 60'000);
    return row["status"] + " " + row["reason"] + (row["exit_code"].empty() ? "" : " " + row["exit_code"]);
  }
  /// "STATUS Reason exit-code" of one run of `script` below gVisor.
  std::string run(const std::string& script, const std::string& spec = "{}",
                  const std::map<std::string, std::string>& columns = {}) {
    insert(script, spec, columns);
    return end();
  }
  double ran() { return std::stod(house_.row(id_)["duration_ms"]); }

  House house_;
  std::string id_;
  int agents_ = 0;
};

TEST_P(Gvisor, TheKernelIsItsOwnAndTheResultArrives) {
  EXPECT_EQ(run("dmesg | grep -q gVisor || exit 8; read version < /proc/version; echo \"$version\"; "
                "cp /input/input.json /output/result.json"),
            "COMPLETED Completed 0");
  EXPECT_EQ(house_.row(id_)["output"], R"({"n":1})");
  EXPECT_TRUE(house_.logs(id_).starts_with("Linux version 4.4.0 ")) << house_.logs(id_);
  EXPECT_EQ(house_.starts(id_), 0) << "runc had no part in it";
  EXPECT_EQ(
      run("dmesg | grep -q gVisor && exit 8; echo 1 > /output/result.json", R"({"runtimeClassName": null})"),
      "COMPLETED Completed 0")
      << "an agent beside it that does not ask has the host's kernel";
}

TEST_P(Gvisor, LimitsAreReadBackAndMeasured) {
  EXPECT_EQ(run("head -c 40000000 /dev/zero > /tmp/fill; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; "
                "echo 1 > /output/result.json"),
            "COMPLETED Completed 0");
  auto attempt = house_.attempt(id_);
  const auto limits = nlohmann::json::parse(attempt["effective_limits"]);
  EXPECT_EQ(limits["runtime"], "runsc");
  EXPECT_EQ(limits["network"], "none");
  EXPECT_EQ(limits["memory"], 512 << 20);
  EXPECT_EQ(limits["memorySwap"], 512 << 20);
  EXPECT_EQ(limits["pids"], 128);
  EXPECT_EQ(limits["readonlyRootfs"], true);
  EXPECT_GE(std::stoll(attempt["peak_memory_bytes"]), 40'000'000) << "of the workload";
  EXPECT_LE(std::stoll(attempt["peak_memory_bytes"]), 512 << 20);
  EXPECT_GT(std::stoll(attempt["cpu_ms"]), 0);
}

TEST_P(Gvisor, WhatAnImageSees) {
  const char* script = R"sh(
    [ "$(id -u):$(id -g)" = 65534:65534 ] || exit 11
    [ "$HOME" = /tmp ] && [ -n "$SLIPWAY_EXECUTION_ID" ] && [ "$INPUT_DATA" = '{"n":1}' ] || exit 12
    [ "$(ls /sys/class/net)" = lo ] || exit 13
    nc -w 1 10.0.0.1 80 </dev/null && exit 14
    grep -q 'CapEff:.0000000000000000' /proc/self/status || exit 15
    [ "$(ulimit -c)" = 0 ] && [ "$(ulimit -n)" = 1024 ] || exit 16
    touch /x 2>/dev/null && exit 17
    touch /input/x 2>/dev/null && exit 18
    cp /bin/busybox /tmp/busybox && /tmp/busybox true 2>/dev/null && exit 19
    echo true > /output/result.json)sh";
  EXPECT_EQ(run(script), "COMPLETED Completed 0");
}

TEST_P(Gvisor, Ends) {
  EXPECT_EQ(run("echo '{\"half\":1}' > /output/result.json; echo oops >&2; exit 3"), "FAILED NonZeroExit 3");
  EXPECT_EQ(house_.attempt(id_)["partial"], "{\"half\":1}\n");
  EXPECT_EQ(house_.logs(id_, "stderr"), "oops");
  EXPECT_EQ(run("", R"({"command": ["/bin/no-such-program"]})"), "FAILED CommandInvalid");
  EXPECT_EQ(run("true"), "FAILED OutputMissing 0");
  EXPECT_EQ(run("ln -s /etc/passwd /output/result.json"), "FAILED OutputMissing 0");
  EXPECT_EQ(run("mkfifo /output/result.json"), "FAILED OutputMissing 0");
  EXPECT_EQ(run("truncate -s 1G /output/result.json || exit 8"), "FAILED NonZeroExit 8");
}

TEST_P(Gvisor, TheDeadlineIsKept) {
  EXPECT_EQ(run("trap 'echo leaving; exit 9' TERM; echo begun; while :; do sleep 0.1; done", "{}",
                {{"timeout_seconds", "2"}}),
            "TIMEOUT DeadlineExceeded 9");
  EXPECT_EQ(house_.logs(id_), "begun\nleaving");
  EXPECT_EQ(run("trap '' TERM; echo begun; while :; do sleep 0.1; done", "{}", {{"timeout_seconds", "2"}}),
            "TIMEOUT DeadlineExceeded 137");
  EXPECT_GE(ran(), 2000 + 2000) << "TERM at the deadline, KILL two seconds later";
  EXPECT_LE(ran(), 2000 + 2000 + 2500);
  EXPECT_EQ(run("sh -c 'kill -STOP $$' & wait", "{}", {{"timeout_seconds", "1"}}),
            "TIMEOUT DeadlineExceeded 143")
      << "TERM ends a PID 1 that has no handler, which Linux would spare";
}

TEST_P(Gvisor, ACancelIsHeard) {
  insert("trap 'echo leaving; exit 9' TERM; echo begun; while :; do sleep 0.1; done");
  ASSERT_TRUE(wait_until([&] { return house_.logs(id_) == "begun"; }, 20'000))
      << "lines are read while it runs";
  house_.sql().query("UPDATE slipway.executions SET cancel_requested = true WHERE id = $1", {id_});
  EXPECT_EQ(end(), "FAILED Cancelled 9");
  EXPECT_EQ(house_.logs(id_), "begun\nleaving");
}

TEST_P(Gvisor, ItIsAdoptedByTheNextDaemon) {
  insert(
      "while [ ! -e /tmp/on ]; do sleep 0.1; i=$((i+1)); [ $i -gt 40 ] && break; done; echo $i > "
      "/output/result.json");
  ASSERT_TRUE(house_.wait_for(id_, "status", "RUNNING"));
  house_.daemon().kill9();
  house_.daemon().start();
  EXPECT_EQ(end(), "COMPLETED Completed 0");
  EXPECT_EQ(house_.row(id_)["attempt"], "1");
}

TEST_P(Gvisor, BombsAreHeld) {
  EXPECT_EQ(run("x=a; while :; do x=$x$x; done", R"({"resources": {"limits": {"memory": "64Mi"}}})"),
            "FAILED OOMKilled 137");
  const auto forks = run("b() { b | b & }; b; sleep 1; exit 4", R"({"resources": {"limits": {"pids": 64}}})");
  EXPECT_TRUE(forks.starts_with("FAILED NonZeroExit ")) << forks;
  EXPECT_EQ(run("head -c 100000000 /dev/zero > /tmp/fill || exit 5"), "FAILED NonZeroExit 5")
      << "the scratch limit is 64Mi";
  EXPECT_EQ(run("yes 0123456789abcdefghijklmnopqrstuvwxyz | head -c 20000000; echo the-end; echo 1 > "
                "/output/result.json"),
            "COMPLETED Completed 0");
  EXPECT_EQ(house_.row(id_)["logs_truncated"], "true");
  EXPECT_NE(house_.logs(id_).find("the-end"), std::string::npos) << "head and tail are kept";
  EXPECT_EQ(run("echo 1 > /output/result.json"), "COMPLETED Completed 0") << "the next one is unharmed";
}

TEST_P(Gvisor, TheOutputIsCappedInMountMode) {
  if (GetParam() != "mount") GTEST_SKIP() << "volume mode reports output as not enforceable";
  EXPECT_EQ(
      run("head -c 3000000 /dev/zero > /output/a; head -c 3000000 /dev/zero > /output/b && exit 5; rm "
          "/output/*; "
          "i=0; while [ $i -lt 5000 ] && touch /output/$i 2>/dev/null; do i=$((i+1)); done; echo $i; rm "
          "/output/*; echo $i > /output/result.json",
          R"({"resources": {"limits": {"output": "4Mi"}}})"),
      "COMPLETED Completed 0");
  EXPECT_LT(std::stoi(house_.row(id_)["output"]), 1024) << "inodes, too";
}

TEST_P(Gvisor, AClassThatIsNotOfferedIsRefused) {
  EXPECT_EQ(run("echo 1 > /output/result.json", R"({"runtimeClassName": "kata"})"), "FAILED NotEnforceable");
  EXPECT_NE(house_.attempt(id_)["detail"].find("kata"), std::string::npos) << house_.attempt(id_)["detail"];
  EXPECT_EQ(run("echo 1 > /output/result.json", R"({"runtimeClassName": "absent"})"), "FAILED EngineError")
      << "offered by the configuration, and unknown to the engine";
}

TEST_P(Gvisor, TooFewProcessesForItsOwnThreads) {
  EXPECT_EQ(run("echo 1 > /output/result.json", R"({"resources": {"limits": {"pids": 16}}})"),
            "FAILED EngineError");
}

INSTANTIATE_TEST_SUITE_P(Io, Gvisor, ::testing::Values("mount", "volume"),
                         [](const auto& info) { return info.param; });

// docs/operations/gvisor.md: the operator decides for all of them.
TEST(GvisorForAll, AnAgentThatAsksForNothingHasItsOwnKernelAndNoneGetsAWayOut) {
  for (const std::string io : {"mount", "volume"}) {
    House house({.engine = {.runtimes = {{"runsc", {"/usr/bin/runsc", "--network=none"}}},
                            .default_runtime = "runsc"},
                 .io = io,
                 .flags = {"--resync", "2s"}});
    house.agent("any", "dmesg | grep -q gVisor && echo 1 > /output/result.json");
    auto row = house.finished(house.insert("any"));
    EXPECT_EQ(row["output"], "1") << io << ": " << row["reason"];
    house.agent("sly", "echo 1 > /output/result.json", R"({"runtimeClassName": "runc"})");
    EXPECT_EQ(house.finished(house.insert("sly"))["reason"], "NotEnforceable") << io;
    EXPECT_EQ(house.leftovers(), std::vector<std::string>{}) << io;
  }
}

}  // namespace
}  // namespace slipway::test

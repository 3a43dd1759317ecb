#include <gtest/gtest.h>

#include "test/support/house/house.h"

// Workloads that mean harm, run through the whole product in both io modes, with a neighbour that must finish
// unharmed.
namespace slipway::test {
namespace {

class Hostile : public ::testing::TestWithParam<std::string> {
 protected:
  Hostile() : house_({.io = GetParam(), .flags = {"--resync", "2s"}}) {
    house_.agent("neighbour", "cp /input/input.json /output/result.json");
  }

  void expect_neighbour_unharmed() {
    auto row = house_.finished(house_.insert("neighbour", "[1]"));
    EXPECT_EQ(row["status"], "COMPLETED");
    EXPECT_EQ(row["output"], "[1]");
  }
  /// "STATUS Reason exit-code" of one run of `script`.
  std::string run(const std::string& script, const std::string& spec = "{}",
                  const std::string& input = "{}") {
    static int number = 0;
    const auto name = "agent-" + std::to_string(++number);
    house_.agent(name, script, spec);
    id_ = house_.insert(name, input);
    auto row = house_.finished(id_, 300'000);
    return row["status"] + " " + row["reason"] + (row["exit_code"].empty() ? "" : " " + row["exit_code"]);
  }

  House house_;
  std::string id_;
};

TEST_P(Hostile, Results) {
  EXPECT_EQ(run("true"), "FAILED OutputMissing 0");
  EXPECT_EQ(run("ln -s /etc/passwd /output/result.json"), "FAILED OutputMissing 0");
  EXPECT_EQ(run("mkfifo /output/result.json"), "FAILED OutputMissing 0");
  EXPECT_EQ(run("mkdir /output/result.json"), "FAILED OutputMissing 0");
  EXPECT_EQ(run("truncate -s 1G /output/result.json || exit 8"), "FAILED NonZeroExit 8")
      << "the file-size limit stops it";
  EXPECT_EQ(run("echo '{\"a\":1,\"a\":2}' > /output/result.json"), "FAILED OutputInvalid 0");
  EXPECT_EQ(run("printf '\\377' > /output/result.json"), "FAILED OutputInvalid 0");
  EXPECT_EQ(run("echo 1e131071 > /output/result.json"), "FAILED OutputInvalid 0");
  EXPECT_EQ(run("printf '{\"ok\":true}\\0' > /output/result.json"), "FAILED OutputInvalid 0");
  EXPECT_EQ(run("rm -rf /output; exit 0"), "FAILED OutputMissing 0");
  expect_neighbour_unharmed();
  EXPECT_EQ(house_.leftovers(), std::vector<std::string>{});
}

TEST_P(Hostile, Commands) {
  EXPECT_EQ(run("", R"({"command": ["/bin/no-such-program"]})"), "FAILED CommandInvalid");
  EXPECT_EQ(run("", R"({"command": ["/tmp"]})"), "FAILED CommandInvalid");
  EXPECT_EQ(run("", R"({"image": "no-such-image:1"})"), "FAILED ImageNotFound");
  house_.engine().import_image("volume:1", {}, {"VOLUME /data"});
  EXPECT_EQ(run("true", R"({"image": "volume:1"})"), "FAILED ImageNotAllowed");
  expect_neighbour_unharmed();
}

TEST_P(Hostile, Bombs) {
  EXPECT_EQ(run("x=a; while :; do x=$x$x; done", R"({"resources": {"limits": {"memory": "16Mi"}}})"),
            "FAILED OOMKilled 137");
  EXPECT_TRUE(run("bomb() { bomb | bomb & }; bomb; sleep 1; exit 4",
                  R"({"resources": {"limits": {"pids": 32}}, "timeout": "10s"})")
                  .starts_with("FAILED NonZeroExit "))
      << "it may be unable to fork its own sleep";
  expect_neighbour_unharmed();
  EXPECT_EQ(run("head -c 100000000 /dev/zero > /tmp/fill || exit 5"), "FAILED NonZeroExit 5")
      << "the scratch limit is 64Mi";
  EXPECT_EQ(run("echo x > /root-write || exit 6"), "FAILED NonZeroExit 6") << "the root is read-only";
  expect_neighbour_unharmed();
  EXPECT_EQ(house_.leftovers(), std::vector<std::string>{});
}

TEST_P(Hostile, Floods) {
  EXPECT_EQ(run("yes 0123456789abcdefghijklmnopqrstuvwxyz | head -c 200000000; echo the-end; echo 1 > "
                "/output/result.json",
                R"({"timeout": "5m"})"),
            "COMPLETED Completed 0");
  auto row = house_.row(id_);
  EXPECT_EQ(row["logs_truncated"], "true");
  const auto stored = std::stoll(house_.sql().value(
      "SELECT sum(length(bytes)) FROM slipway.execution_log_chunks WHERE execution_id = $1", {id_}));
  EXPECT_LE(stored, (1 << 20) + 4096);
#if !__has_feature(thread_sanitizer)  // which is too slow to read three megabytes of one-line frames in time
  EXPECT_NE(house_.logs(id_).find("the-end"), std::string::npos) << "head and tail are kept";
  EXPECT_NE(house_.logs(id_, "system").find(" bytes are left out here]"), std::string::npos)
      << house_.logs(id_, "system");
#endif
  EXPECT_EQ(run("yes '' | head -c 1048576; echo 1 > /output/result.json"), "COMPLETED Completed 0");
  EXPECT_EQ(run("printf 'a\\000b\\377c\\n'; echo 1 > /output/result.json"), "COMPLETED Completed 0");
  EXPECT_NE(house_.logs(id_).find('a'), std::string::npos);
  expect_neighbour_unharmed();
}

TEST_P(Hostile, OneMegabyteOfInput) {
  const std::string input = "\"" + std::string((1 << 20) - 2, 'x') + "\"";
  EXPECT_EQ(run("[ -z \"$INPUT_DATA\" ] && wc -c < /input/input.json > /output/result.json", "{}", input),
            "COMPLETED Completed 0");
  EXPECT_EQ(house_.row(id_)["output"], "1048576");
  EXPECT_EQ(run("echo \"$INPUT_DATA\" > /output/result.json; touch /input/x && exit 7; exit 0", "{}",
                R"({"a":[1,2]})"),
            "COMPLETED Completed 0")
      << "the input is read-only";
  EXPECT_ANY_THROW(house_.insert("neighbour", "\"" + std::string(1 << 20, 'x') + "\""))
      << "one byte too many";
}

TEST_P(Hostile, WhatAnImageSees) {
  const char* script = R"sh(
    [ "$(id -u):$(id -g)" = 65534:65534 ] || exit 11
    [ "$HOME" = /tmp ] && [ -n "$SLIPWAY_EXECUTION_ID" ] && [ "$SLIPWAY_ATTEMPT" = 1 ] || exit 12
    [ "$(ls /sys/class/net)" = lo ] || exit 13
    grep -q 'CapEff:.0000000000000000' /proc/self/status || exit 14
    grep -q 'NoNewPrivs:.1' /proc/self/status || exit 15
    [ "$(ulimit -c)" = 0 ] || exit 16
    [ "$MODE" = fast ] || exit 17
    echo true > /output/result.json)sh";
  EXPECT_EQ(run(script, R"({"env": [{"name": "MODE", "value": "fast"}]})"), "COMPLETED Completed 0");
}

INSTANTIATE_TEST_SUITE_P(Io, Hostile, ::testing::Values("mount", "volume"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace slipway::test

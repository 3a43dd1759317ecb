#include <sys/resource.h>

#include "test/runtime/docker_fixture.h"

namespace slipway::runtime {
namespace {

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

INSTANTIATE_TEST_SUITE_P(Modes, DockerRuntimeTest, testing::Values(IoMode::Mount, IoMode::Volume), mode_name);

std::size_t log_bytes(const Evidence& evidence) {
  std::size_t bytes = 0;
  for (const LogChunk& chunk : evidence.logs) {
    EXPECT_LE(chunk.bytes.size(), 64u * 1024);
    EXPECT_EQ(chunk.bytes.find('\0'), std::string::npos);
    bytes += chunk.bytes.size();
  }
  return bytes;
}

long peak_rss_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST_P(DockerRuntimeTest, MemoryHogIsSeenAsSuch) {
  const Ran ran = run("exec awk 'BEGIN{s=\"xxxxxxxx\"; while(1) s=s s}'");
  EXPECT_EQ(ran.end.exit_code, 137);
  EXPECT_TRUE(ran.end.oom_killed);
}

TEST_P(DockerRuntimeTest, ForkBombIsBoundedAndLeavesNothing) {
  last_ = shell_spec(Engine::image(), "b() { b | b & }; b; sleep 1; exit 4");
  const std::string id = start(last_);
  harness_.wait_exit(last_);
  expect_removed(last_);
  EXPECT_EQ(engine_.starts_of(id), 1);
}

TEST_P(DockerRuntimeTest, TwoHundredMegabytesOfOutputKeepHeadAndTail) {
  const long before = peak_rss_kib();
  const Ran ran =
      run("yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -c 200000000; "
          "echo the-end");
  EXPECT_EQ(ran.end.exit_code, 0);
  EXPECT_TRUE(ran.evidence.logs_truncated);
  EXPECT_LE(log_bytes(ran.evidence), static_cast<std::size_t>(last_.limits.logs));
  EXPECT_NE(text(ran.evidence, LogChunk::Stream::Stdout).find("the-end\n"), std::string::npos);
  if (!kSanitized) EXPECT_LT(peak_rss_kib() - before, 32 * 1024);  // a sanitizer keeps what was freed
}

TEST_P(DockerRuntimeTest, MebibyteOfNewlinesIsAFewChunks) {
  const Ran ran = run("yes '' | head -c 1048576");
  EXPECT_EQ(ran.end.exit_code, 0);
  EXPECT_TRUE(ran.evidence.logs_truncated);
  EXPECT_LE(ran.evidence.logs.size(), 32u);
  EXPECT_LE(log_bytes(ran.evidence), static_cast<std::size_t>(last_.limits.logs));
}

TEST_P(DockerRuntimeTest, BinaryOutputBecomesText) {
  const Ran ran = run("printf 'a\\000b\\377\\303\\251c\\n'");
  EXPECT_EQ(text(ran.evidence, LogChunk::Stream::Stdout),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xC3\xA9"
            "c\n");
  EXPECT_FALSE(ran.evidence.logs_truncated);
}

TEST_P(DockerRuntimeTest, SymlinkIsNoResult) {
  const Ran ran = run("ln -s /etc/passwd /output/result.json");
  EXPECT_EQ(ran.evidence.result_state, State::NotRegular);
  EXPECT_EQ(ran.evidence.result, "");
}

TEST_P(DockerRuntimeTest, LinkedDirectoryIsNoDetour) {
  const Ran ran =
      run("mkdir /output/d && ln -s d /output/e && ln -s ../input/input.json /output/result.json");
  EXPECT_EQ(ran.evidence.result_state, State::NotRegular);
}

TEST_P(DockerRuntimeTest, FifoIsNoResultAndBlocksNobody) {
  const Ran ran = run("mkfifo /output/result.json");
  EXPECT_EQ(ran.evidence.result_state, State::NotRegular);
}

TEST_P(DockerRuntimeTest, DirectoryIsNoResult) {
  const Ran ran = run("mkdir /output/result.json");
  EXPECT_EQ(ran.evidence.result_state, State::NotRegular);
}

TEST_P(DockerRuntimeTest, HardLinkNeverLeavesItsFileSystem) {
  const Ran ran =
      run("echo 1 > /output/other; ln /output/other /output/result.json; ln /input/input.json /output/i "
          "2>/dev/null; exit 0");
  // An archive does not tell the number of links; what it holds is still a file of /output alone.
  EXPECT_EQ(ran.evidence.result_state, GetParam() == IoMode::Mount ? State::NotRegular : State::Present);
}

TEST_P(DockerRuntimeTest, SparseGigabyteIsTooLargeAndReadUpToTheCap) {
  const long before = peak_rss_kib();
  last_ = shell_spec(
      Engine::image(),
      "truncate -s 1073741824 /output/result.json; echo $?; echo x >> /output/result.json; exit 0");
  // The file size limit would stop it first; what is tested is the reader.
  const Ran ran = run(last_);
  EXPECT_NE(ran.evidence.result_state, State::NotRegular);
  EXPECT_LE(ran.evidence.result.size(), static_cast<std::size_t>(last_.limits.output));
  EXPECT_LT(peak_rss_kib() - before, 64 * 1024);
}

TEST_P(DockerRuntimeTest, OutputIsFullAtItsLimitWhereTheModeCanEnforceIt) {
  if (GetParam() != IoMode::Mount) GTEST_SKIP() << "volume mode reports output as not enforceable";
  const Ran ran =
      run("for i in 1 2 3; do head -c 3000000 /dev/zero > /output/f$i || echo full; done; "
          "i=0; while touch /output/g$i 2>/dev/null; do i=$((i+1)); done; [ $i -lt 1024 ] && echo inodes; "
          "head -c 9000000 /dev/zero > /tmp/t || echo scratch-full");
  const std::string out = text(ran.evidence, LogChunk::Stream::Stdout);
  EXPECT_NE(out.find("full\n"), std::string::npos);
  EXPECT_NE(out.find("inodes\n"), std::string::npos);
  EXPECT_NE(out.find("scratch-full\n"), std::string::npos);
}

TEST_P(DockerRuntimeTest, ProcessThatOutlivesItsContainerIsReaped) {
  last_ = shell_spec(Engine::image(), "sleep 1000");
  start(last_);
  // As after a crash of the engine: a process in the attempt's cgroup that the engine does not know.
  const pid_t stray = enter_cgroup(harness_.cgroup_root() + "/" + container_name(last_.ref));
  expect_removed(last_);
  EXPECT_TRUE(ended_by_kill(stray));
}

}  // namespace
}  // namespace slipway::runtime

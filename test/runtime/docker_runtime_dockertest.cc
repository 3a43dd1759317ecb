#include <nlohmann/json.hpp>

#include "test/runtime/docker_fixture.h"

namespace slipway::runtime {
namespace {

INSTANTIATE_TEST_SUITE_P(Modes, DockerRuntimeTest, testing::Values(IoMode::Mount, IoMode::Volume), mode_name);

TEST_P(DockerRuntimeTest, ResultOfASuccessArrives) {
  const Ran ran = run("cat /input/input.json > /output/result.json; echo hello; echo oops >&2");
  EXPECT_EQ(ran.end.exit_code, 0);
  EXPECT_TRUE(ran.end.ours);
  EXPECT_EQ(ran.end.violated_limit, "");
  EXPECT_GT(ran.end.started_at, TimePoint{});
  EXPECT_GE(ran.end.finished_at, ran.end.started_at);
  EXPECT_GT(ran.end.started_at, ran.end.engine_started_at);
  EXPECT_EQ(ran.evidence.result_state, State::Present);
  EXPECT_EQ(ran.evidence.result, R"({"n":1})");
  EXPECT_EQ(text(ran.evidence, LogChunk::Stream::Stdout), "hello\n");
  EXPECT_EQ(text(ran.evidence, LogChunk::Stream::Stderr), "oops\n");
  ASSERT_FALSE(ran.evidence.logs.empty());
  EXPECT_GE(ran.evidence.logs.front().at, ran.end.started_at - std::chrono::seconds(1));
  EXPECT_GT(ran.evidence.peak_memory_bytes.value_or(0), 0);
  EXPECT_TRUE(ran.evidence.cpu_ms.has_value());
  EXPECT_EQ(engine_.starts_of(ran.end.container_id), 1);
}

TEST_P(DockerRuntimeTest, ExitCodeArrivesWithoutAResult) {
  const Ran ran = run("exit 3");
  EXPECT_EQ(ran.end.exit_code, 3);
  EXPECT_EQ(ran.evidence.result_state, State::Missing);
}

TEST_P(DockerRuntimeTest, ContractIsWhatTheImageSees) {
  last_ = shell_spec(
      Engine::image(),
      "id -u; id -g; echo $HOME $SLIPWAY_EXECUTION_ID $SLIPWAY_ATTEMPT $TRACEPARENT $MODE; echo $INPUT_DATA; "
      "touch /root-is-writable 2>/dev/null || echo read-only; touch /input/x 2>/dev/null || echo "
      "input-read-only; "
      "touch /tmp/x && echo scratch; touch /output/x && echo output");
  last_.env = {{"MODE", "fast"}, {"SLIPWAY_ATTEMPT", "99"}};
  last_.traceparent = "00-trace";
  const Ran ran = run(last_);
  EXPECT_EQ(text(ran.evidence, LogChunk::Stream::Stdout),
            "65534\n65534\n/tmp " + last_.ref.execution +
                " 1 00-trace fast\n{\"n\":1}\nread-only\ninput-read-only\nscratch\noutput\n");
}

TEST_P(DockerRuntimeTest, MebibyteOfInputComesByFile) {
  last_ = shell_spec(Engine::image(),
                     "[ -z \"$INPUT_DATA\" ] && cat /input/input.json | md5sum > /output/result.json; wc -c "
                     "< /input/input.json");
  last_.input = "\"" + std::string((1 << 20) - 2, 'x') + "\"";
  const Ran ran = run(last_);
  EXPECT_EQ(ran.end.exit_code, 0);
  EXPECT_EQ(text(ran.evidence, LogChunk::Stream::Stdout), "1048576\n");
  EXPECT_EQ(ran.evidence.result.size(), 36u);
}

TEST_P(DockerRuntimeTest, ThereIsNoNetworkInside) {
  const Ran ran = run(
      "ls /sys/class/net | tr '\\n' ' '; nc -w 1 169.254.169.254 80 </dev/null && echo reached || echo no");
  const std::string out = text(ran.evidence, LogChunk::Stream::Stdout);
  EXPECT_EQ(out.find("eth"), std::string::npos);
  EXPECT_NE(out.find("no\n"), std::string::npos);
}

TEST_P(DockerRuntimeTest, MissingCommandIsInvalidAndOursToTell) {
  last_ = shell_spec(Engine::image(), "");
  last_.command = {"/no/such"};
  auto id = harness_.await(harness_.runtime().create(last_));
  ASSERT_TRUE(id);
  auto started = harness_.await(harness_.runtime().start(last_.ref, *id));
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().error_class, ErrorClass::Invalid);
  const Observation seen = harness_.observe(last_);
  EXPECT_EQ(seen.state, ContainerState::Created);
  EXPECT_EQ(seen.exit_code, 127);
  EXPECT_EQ(engine_.starts_of(*id), 0);
}

TEST_P(DockerRuntimeTest, WhoIgnoresTermIsKilledAndKeepsWhatItWrote) {
  last_ =
      shell_spec(Engine::image(),
                 "trap '' TERM; echo '{\"half\":1}' > /output/result.json; while :; do usleep 10000; done");
  const std::string id = start(last_);
  ASSERT_TRUE(harness_.await(harness_.runtime().signal(last_.ref, id, Signal::Term)));
  EXPECT_EQ(harness_.observe(last_).state, ContainerState::Running);
  // TERM is ignored only once the shell has set its trap; the file tells that it has.
  ASSERT_TRUE(harness_.await(harness_.runtime().signal(last_.ref, id, Signal::Kill)));
  EXPECT_EQ(harness_.wait_exit(last_).exit_code, 137);
  ASSERT_TRUE(harness_.await(harness_.runtime().signal(last_.ref, id, Signal::Kill)))
      << "a dead one is a success";
}

TEST_P(DockerRuntimeTest, PausedContainerIsUnpaused) {
  last_ = shell_spec(Engine::image(), "sleep 1000");
  const std::string id = start(last_);
  ASSERT_EQ(engine_.request("POST", "/containers/" + id + "/pause").status, 204);
  EXPECT_EQ(harness_.observe(last_).state, ContainerState::Paused);
  ASSERT_TRUE(harness_.await(harness_.runtime().signal(last_.ref, id, Signal::Unpause)));
  EXPECT_EQ(harness_.observe(last_).state, ContainerState::Running);
  ASSERT_TRUE(harness_.await(harness_.runtime().signal(last_.ref, id, Signal::Unpause))) << "idempotent";
}

TEST_P(DockerRuntimeTest, CreateAdoptsAcrossDaemonsAndMountsOnce) {
  last_ = shell_spec(Engine::image(), "true");
  auto first = harness_.await(harness_.runtime().create(last_));
  harness_.restart();
  auto second = harness_.await(harness_.runtime().create(last_));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(mounts_at(harness_.run_dir(last_.ref) + "/output"), GetParam() == IoMode::Mount ? 1 : 0);
}

TEST_P(DockerRuntimeTest, RestartedDaemonIsHintedOfAnExitItDidNotArm) {
  last_ = shell_spec(Engine::image(), "while [ ! -e /tmp/go ]; do usleep 20000; done");
  const std::string id = start(last_);
  harness_.restart();
  int hints = 0;
  harness_.runtime().watch([&](const ExecutionId& execution) { hints += execution == last_.ref.execution; });
  EXPECT_EQ(harness_.observe(last_).state, ContainerState::Running);
  ASSERT_TRUE(harness_.await(harness_.runtime().signal(last_.ref, id, Signal::Kill)));
  EXPECT_TRUE(harness_.run_until([&] { return hints >= 1; })) << "from the wait that observe() armed";
  harness_.runtime().unwatch();
}

TEST_P(DockerRuntimeTest, TamperedLimitIsNamed) {
  last_ = shell_spec(Engine::image(), "true");
  auto id = harness_.await(harness_.runtime().create(last_));
  ASSERT_TRUE(id);
  EXPECT_EQ(harness_.observe(last_).violated_limit, "");
  const auto effective = nlohmann::json::parse(harness_.observe(last_).effective_limits);
  EXPECT_EQ(effective["memory"], 64 << 20);
  EXPECT_EQ(effective["network"], "none");
  ASSERT_EQ(engine_.request("POST", "/containers/" + *id + "/update", R"({"PidsLimit":9999})").status, 200);
  EXPECT_EQ(harness_.observe(last_).violated_limit, "PidsLimit: asked 32, got 9999");
  ContainerSpec other = last_;
  other.limits.memory *= 2;
  const Observation seen = [&] {
    auto answer = harness_.await(harness_.runtime().observe(last_.ref, &other, false));
    return *answer;
  }();
  EXPECT_TRUE(seen.violated_limit.starts_with("Memory")) << seen.violated_limit;
}

TEST_P(DockerRuntimeTest, RuntimeClassThatIsNotOfferedIsUnsupported) {
  ContainerSpec spec = shell_spec(Engine::image(), "true");
  spec.runtime_class = "gvisor";
  auto refused = harness_.await(harness_.runtime().create(spec));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::Unsupported);
}

TEST_P(DockerRuntimeTest, LeftoversAreListedUntilRemoved) {
  last_ = shell_spec(Engine::image(), "true");
  const Ran ran = run(last_);
  engine_.request("DELETE", "/containers/" + ran.end.container_id);
  EXPECT_TRUE(harness_.observe(last_).leftovers);
  const auto listed = harness_.await(harness_.runtime().list());
  ASSERT_TRUE(listed);
  const auto found = std::find_if(listed->begin(), listed->end(),
                                  [&](const Listed& item) { return item.name == container_name(last_.ref); });
  ASSERT_NE(found, listed->end());
  EXPECT_EQ(found->container_id, "");
  EXPECT_EQ(found->ref.execution, last_.ref.execution);
}

TEST_P(DockerRuntimeTest, VolumeOfAnotherDaemonUnderOurNameIsLeftAlone) {
  const auto spec = shell_spec(Engine::image(), "true");
  const auto volume = container_name(spec.ref) + "-output";
  ASSERT_EQ(engine_
                .request("POST", "/volumes/create",
                         R"({"Name": ")" + volume + R"(", "Labels": {"slipway.instance": "another"}})")
                .status,
            201);
  EXPECT_FALSE(harness_.observe(spec).leftovers);
  const auto gone = harness_.await(harness_.runtime().remove(spec.ref, {}));
  EXPECT_TRUE(gone && *gone);
  EXPECT_EQ(engine_.request("DELETE", "/volumes/" + volume).status, 204) << "it was still there";
}

TEST_P(DockerRuntimeTest, LostContainerStillYieldsItsResult) {
  last_ = shell_spec(Engine::image(), "echo '[1]' > /output/result.json");
  const Ran ran = run(last_);
  engine_.request("DELETE", "/containers/" + ran.end.container_id);
  auto evidence =
      harness_.await(harness_.runtime().collect(last_.ref, ran.end.container_id, last_.limits, {}));
  ASSERT_TRUE(evidence) << evidence.error().message;
  EXPECT_EQ(evidence->result, "[1]\n");
}

}  // namespace
}  // namespace slipway::runtime

// No good run gets a wrong verdict or charge while calls to this host fail: one after the other, each of
// them.

#include "test/runtime/docker_fixture.h"
#include "test/runtime/faulty_host.h"

namespace slipway::runtime {
namespace {

class DockerHostTest : public DockerRuntimeTest {
 protected:
  DockerHostTest() {
    harness_.restart([this](DockerOptions& options) { options.host = &host_; });
  }
  void TearDown() override {
    host_.fail_at(0);
    DockerRuntimeTest::TearDown();
  }
  FaultyHost host_;
};

TEST_P(DockerHostTest, AResultThatIsThereIsReadOrReadAgain) {
  const auto good = run("printf '[1]' > /output/result.json; echo said");
  ASSERT_EQ(good.evidence.result, "[1]");
  for (int n = 1;; ++n) {
    harness_.restart([this](DockerOptions& options) { options.host = &host_; });  // nothing is remembered
    host_.fail_at(n);
    const auto seen = harness_.await(harness_.runtime().observe(last_.ref, &last_, false));
    const auto evidence =
        harness_.await(harness_.runtime().collect(last_.ref, good.end.container_id, last_.limits, {}));
    if (!host_.has_failed()) break;
    if (seen) {
      EXPECT_EQ(seen->state, ContainerState::Exited) << "call " << n;
      EXPECT_EQ(seen->engine, good.end.engine) << "call " << n;
    } else {
      EXPECT_EQ(seen.error().error_class, ErrorClass::Retry);
    }
    if (!evidence) {
      EXPECT_EQ(evidence.error().error_class, ErrorClass::Retry) << "call " << n;
      continue;
    }
    EXPECT_EQ(evidence->result_state, State::Present) << "call " << n;
    EXPECT_EQ(evidence->result, "[1]") << "call " << n;
    EXPECT_EQ(text(*evidence, LogChunk::Stream::Stdout), "said\n") << "call " << n;
  }
}

/// The n-th call fails somewhere in the life of a container; who tries again gets a good one.
TEST_P(DockerHostTest, WhicheverCallFailsAContainerIsMadeAndGoes) {
  bool failed = true;
  for (int n = 1; failed; ++n) {
    const ContainerSpec spec = last_ = shell_spec(Engine::image(), "true");
    host_.fail_at(n);
    bool made = false, gone = false;
    for (int i = 0; i < 4 && !made; ++i) {
      const auto id = harness_.await(harness_.runtime().create(spec));
      const auto seen = harness_.await(harness_.runtime().observe(spec.ref, &spec, false));
      made = id && seen && seen->state == ContainerState::Created;
      if (made) EXPECT_EQ(seen->violated_limit + (seen->fenced ? "fenced" : ""), "") << "call " << n;
      if (!id)
        EXPECT_TRUE(id.error().error_class == ErrorClass::Retry ||
                    id.error().error_class == ErrorClass::Doubt)
            << "call " << n;
    }
    EXPECT_TRUE(made) << "call " << n;
    for (int i = 0; i < 4 && !gone; ++i) {
      const auto removed = harness_.await(harness_.runtime().remove(spec.ref, {}));
      gone = removed && *removed;
    }
    EXPECT_TRUE(gone) << "call " << n;
    failed = host_.has_failed();
    host_.fail_at(0);
    expect_removed(spec);
  }
}

INSTANTIATE_TEST_SUITE_P(Io, DockerHostTest, testing::Values(IoMode::Mount, IoMode::Volume), mode_name);

}  // namespace
}  // namespace slipway::runtime

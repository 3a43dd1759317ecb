#include <fstream>

#include "test/runtime/docker_fixture.h"
#include "test/support/docker_engine/docker_registry.h"

namespace slipway::runtime {
namespace {

using test::DockerRegistry;

/// Pushes to a registry of its own, then forgets the tag locally, so that a pull has to ask.
class DockerImagesTest : public testing::Test {
 protected:
  PullResult pull(const std::string& image, ImagePullPolicy policy = ImagePullPolicy::IfNotPresent) {
    auto answer = harness_.await(harness_.runtime().pull(image, policy));
    if (!answer) throw std::runtime_error(answer.error().message);
    return *answer;
  }
  void use_password_of(const DockerRegistry& registry) {
    harness_.restart([&](DockerOptions& options) { options.registry_auth = registry.docker_config(); });
  }
  void forget(const std::string& image) { Engine::get().request("DELETE", "/images/" + image + "?force=1"); }

  DockerHarness harness_{IoMode::Mount, Engine::get()};
};

TEST_F(DockerImagesTest, LocalImageIsFoundByTagAndById) {
  (void)Engine::image();
  const PullResult found = pull("agent:1", ImagePullPolicy::Never);
  ASSERT_TRUE(found.image);
  EXPECT_EQ(found.image->id, Engine::image());
  EXPECT_EQ(found.image->not_allowed, "");
  EXPECT_EQ(pull(Engine::image(), ImagePullPolicy::Never).image->id, Engine::image());
}

TEST_F(DockerImagesTest, AbsentImageIsNotFoundWithoutARegistry) {
  const PullResult answer = pull("nobody-has-this:1", ImagePullPolicy::Never);
  EXPECT_FALSE(answer.image);
  EXPECT_EQ(answer.failure, PullFailure::NotFound);
}

TEST_F(DockerImagesTest, DeclaredVolumeIsNotAllowed) {
  Engine::get().import_image("volume:1", {}, {"VOLUME /data"});
  EXPECT_NE(pull("volume:1").image->not_allowed, "");
  Engine::get().import_image("proc:1", {}, {"WORKDIR /proc/self/fd/8"});
  EXPECT_NE(pull("proc:1").image->not_allowed, "");
}

TEST_F(DockerImagesTest, PullsByTagAndByDigestAndToldApartFromWhatIsNotThere) {
  DockerRegistry registry;
  const std::string name = registry.host() + "/team/agent";
  (void)Engine::image();
  const std::string digest = registry.push(Engine::get(), "agent:1", "team/agent", "1");
  forget(name + ":1");
  const PullResult by_tag = pull(name + ":1");
  ASSERT_TRUE(by_tag.image) << by_tag.detail;
  EXPECT_EQ(by_tag.image->digest, digest);
  EXPECT_EQ(by_tag.image->id, Engine::image());
  forget(name + ":1");
  ASSERT_TRUE(pull(name + "@" + digest).image);
  EXPECT_EQ(pull(name + ":nope").failure, PullFailure::NotFound);
  EXPECT_EQ(pull(registry.host() + "/nothing:1").failure, PullFailure::NotFound);
  const PullResult wrong = pull(name + "@sha256:" + std::string(64, '0'));
  EXPECT_FALSE(wrong.image);
  EXPECT_EQ(wrong.failure, PullFailure::NotFound);
  EXPECT_EQ(pull(registry.host() + "/team/agent").failure, PullFailure::NotFound)
      << ":latest was meant, not every tag";
}

TEST_F(DockerImagesTest, RegistryThatIsAwayIsAPlatformFault) {
  const PullResult answer = pull("127.0.0.1:1/agent:1");
  EXPECT_FALSE(answer.image);
  EXPECT_EQ(answer.failure, PullFailure::Failed);
}

TEST_F(DockerImagesTest, PasswordOpensAndItsLackIsAPlatformFault) {
  DockerRegistry registry("robot", "pa:ss/wö?rd");
  const std::string name = registry.host() + "/agent:1";
  (void)Engine::image();
  registry.push(Engine::get(), "agent:1", "agent", "1");
  forget(name);
  EXPECT_EQ(pull(name).failure, PullFailure::Failed);
  use_password_of(registry);
  const PullResult opened = pull(name);
  EXPECT_TRUE(opened.image) << opened.detail;
  EXPECT_EQ(pull(registry.host() + "/agent:nope").failure, PullFailure::NotFound);
}

TEST_F(DockerImagesTest, CorruptLayerIsAPlatformFault) {
  DockerRegistry registry;
  const std::string name = registry.host() + "/agent:broken";
  Engine::get().import_image("unique:1", {{.path = "unique", .bytes = random_uuid()}});
  registry.push(Engine::get(), "unique:1", "agent", "broken");
  forget(name);
  forget("unique:1");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(registry.storage())) {
    if (entry.is_regular_file() && entry.file_size() > 100'000) {
      std::fstream layer(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      layer.seekp(50'000);
      layer << "corrupt";
    }
  }
  const PullResult answer = pull(name);
  EXPECT_FALSE(answer.image);
  EXPECT_EQ(answer.failure, PullFailure::Failed);
}

TEST_F(DockerImagesTest, ManyWhoWantOneImageShareOnePull) {
  DockerRegistry registry;
  const std::string name = registry.host() + "/agent:1";
  (void)Engine::image();
  registry.push(Engine::get(), "agent:1", "agent", "1");
  forget(name);
  int done = 0;
  for (int i = 0; i < 5; ++i) {
    asio::co_spawn(harness_.io(), harness_.runtime().pull(name, ImagePullPolicy::Always),
                   [&](std::exception_ptr, Result<PullResult> answer) { done += answer && answer->image; });
  }
  EXPECT_TRUE(harness_.run_until([&] { return done == 5; }));
}

}  // namespace
}  // namespace slipway::runtime

#include "api/image_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(ImageReference, IsReadIntoItsParts) {
  const auto whole = parse_image_reference("127.0.0.1:5000/team/mo-men__t.um:V1.0_x-y@" + kDigest);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(whole->domain, "127.0.0.1:5000");
  EXPECT_EQ(whole->path, "team/mo-men__t.um");
  EXPECT_EQ(whole->tag, "V1.0_x-y");
  EXPECT_EQ(whole->digest, kDigest);
  EXPECT_EQ(whole->repository(), "127.0.0.1:5000/team/mo-men__t.um");
  EXPECT_FALSE(whole->is_id());
  EXPECT_TRUE(parse_image_reference(kDigest)->is_id());
  EXPECT_EQ(parse_image_reference("team/agent")->domain, "") << "Docker Hub's";
}

TEST(ImageReference, TakesWhatEnginesTake) {
  for (const std::string text :
       {"echo", "echo:1", "team/agent", "Reg.Example.COM/a", "reg:1/a", "localhost/a", "[::1]:5000/a/b",
        "[fe80::1]/a", "a.b/c.d-e_f", "a---b", "a__b", "1", "127.0.0.1:5000/a:latest", "xn--a.example/a"})
    EXPECT_TRUE(parse_image_reference(text)) << text << ": " << parse_image_reference(text).error().message;
  EXPECT_TRUE(parse_image_reference("a:" + std::string(128, 't')));
}

TEST(ImageReference, RefusesWhatNoEngineTakes) {
  for (const std::string text : {"",
                                 "docker.io/MyOrg/App:1",
                                 "MyOrg/app",
                                 "a//b",
                                 "/a",
                                 "a/",
                                 "http://x/y:1",
                                 "https://x/y",
                                 "x:1@sha256:abc",
                                 "echo@1",
                                 "echo@",
                                 "echo:",
                                 "a:.b",
                                 "a:-b",
                                 "a b",
                                 "a_",
                                 "_a",
                                 "a___b",
                                 "a..b",
                                 "a._b",
                                 "-a",
                                 "a@b@c",
                                 "a:1:2",
                                 "reg:/a",
                                 "reg:x/a",
                                 "-reg.io/a",
                                 "reg..io/a",
                                 "[]/a",
                                 "[::1/a",
                                 "[::1]x/a",
                                 "[::g]:1/a",
                                 "reg.io/",
                                 "sha256:abc",
                                 "a\n",
                                 "a\xc3\xa9",
                                 "a?b"})
    EXPECT_FALSE(parse_image_reference(text)) << text;
  EXPECT_FALSE(parse_image_reference("a:" + std::string(129, 't')));
  EXPECT_FALSE(parse_image_reference(std::string(256, 'a')));
  EXPECT_FALSE(parse_image_reference(std::string(64, 'a'))) << "read as an id by engines";
  EXPECT_FALSE(parse_image_reference("a@sha256:" + std::string(64, 'A')));
  EXPECT_FALSE(parse_image_reference("a@sha512:" + std::string(128, 'a'))) << "the engine pins sha256";
}

TEST(ImageReference, SaysWhatIsWrong) {
  EXPECT_THAT(parse_image_reference("docker.io/MyOrg/App").error().message,
              testing::HasSubstr("small letters"));
  EXPECT_THAT(parse_image_reference("x:" + std::string(129, 't')).error().message,
              testing::HasSubstr("at most 128"));
  EXPECT_THAT(parse_image_reference("echo@1").error().message, testing::HasSubstr("64 hexadecimal"));
}

}  // namespace
}  // namespace slipway

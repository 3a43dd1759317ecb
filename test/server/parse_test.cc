#include "server/parse.h"

#include <gtest/gtest.h>

#include "server/json_slice.h"
#include "server/token_text.h"

namespace slipway::server {
namespace {

TEST(Target, IsDecodedOnce) {
  Request request;
  read_target("/v1/executions/a%2Fb?user=u%201&label=a%3Db&flag&x=1+2&x=%zz", request);
  EXPECT_EQ(request.path, "/v1/executions/a%2Fb");
  EXPECT_EQ(request.segments, (std::vector<std::string>{"v1", "executions", "a/b"}));
  EXPECT_EQ(request.parameter("user"), "u 1");
  EXPECT_EQ(request.parameter("label"), "a=b");
  EXPECT_EQ(request.parameter("flag", "none"), "");
  EXPECT_EQ(request.parameter("x"), "%zz");
}

TEST(Target, StrangeOnesFindNoRoute) {
  for (const auto* target : {"", "*", "http://h/v1", "//v1", "/%00", "/v1/%"}) {
    Request request;
    read_target(target, request);
    EXPECT_NE(request.segments, (std::vector<std::string>{"v1"})) << target;
  }
  EXPECT_EQ(percent_decoded("%41%2f"), "A/");
  EXPECT_EQ(percent_decoded("%4"), std::nullopt);
  EXPECT_EQ(percent_decoded("%00"), std::nullopt);
  EXPECT_EQ(percent_decoded("a+b"), "a+b");
}

TEST(JsonSlice, GivesTheTextAsItWasWritten) {
  const std::string body =
      R"({ "a" : [1,{"spec":2}], "sp\u0065c" : {"x":"}\",", "input" : {"n": 1.0e+1 , "b":[ ]} , "z":1}})";
  EXPECT_EQ(json_slice(body, {"spec", "input"}), R"({"n": 1.0e+1 , "b":[ ]})");
  EXPECT_EQ(json_slice(body, {"spec", "z"}), "1");
  EXPECT_EQ(json_slice(body, {"spec", "nothing"}), std::nullopt);
  EXPECT_EQ(json_slice("{}", {"spec"}), std::nullopt);
  EXPECT_EQ(json_slice("[1]", {"spec"}), std::nullopt);
}

TEST(Token, IsLongUrlSafeAndKnownByItsHash) {
  const auto token = new_token();
  EXPECT_EQ(token.size(), 4U + 43U);
  EXPECT_EQ(token.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"),
            std::string::npos);
  EXPECT_NE(token, new_token());
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(bearer_of("Bearer x"), "x");
  EXPECT_EQ(bearer_of("bearer x y"), "x y");
  EXPECT_EQ(bearer_of("Basic x"), std::nullopt);
  EXPECT_EQ(bearer_of("Bearer "), std::nullopt);
  EXPECT_EQ(bearer_of(""), std::nullopt);
}

TEST(RequestId, IsTakenOverOnlyWhenHarmless) {
  EXPECT_TRUE(is_request_id("req-1.A_b"));
  EXPECT_FALSE(is_request_id(""));
  EXPECT_FALSE(is_request_id("a\r\nb"));
  EXPECT_FALSE(is_request_id(std::string(129, 'a')));
}

}  // namespace
}  // namespace slipway::server

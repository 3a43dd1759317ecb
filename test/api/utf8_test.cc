#include "api/utf8.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

using namespace std::string_literals;

TEST(Utf8, ACutNeverGoesThroughACharacter) {
  const std::string text = "aé€𝄞";  // of 1, 2, 3 and 4 bytes
  const std::pair<std::size_t, std::string> cases[] = {
      {0, ""}, {1, "a"}, {2, "a"}, {3, "aé"}, {5, "aé"}, {6, "aé€"}, {9, "aé€"}, {10, text}, {99, text}};
  for (const auto& [most, cut] : cases) EXPECT_EQ(cut_text(text, most), cut) << most;
}

TEST(Utf8, BytesThatContinueNothingAreCutWhereTheyStand) {
  const std::string text(100, '\x80');
  EXPECT_EQ(cut_text(text, 50).size(), 50U);
}

TEST(Utf8, WhatTheDatabaseDoesNotTakeIsReplaced) {
  const std::pair<std::string, std::string> cases[] = {
      {"plain", "plain"},
      {"é€𝄞", "é€𝄞"},
      {"a\0b"s, "a\uFFFDb"},
      {"\xff", "\uFFFD"},
      {"a\xc3", "a\uFFFD"},                               // half a character
      {"\xc0\x80", "\uFFFD\uFFFD"},                       // overlong
      {"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"},             // a surrogate
      {"\xf5\x80\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"}};  // beyond Unicode
  for (const auto& [text, valid] : cases) EXPECT_EQ(valid_text(text), valid);
}

TEST(Utf8, AnExcerptOfAnythingIsValidAndShort) {
  std::string bytes;
  for (int i = 0; i < 3000; ++i) bytes += static_cast<char>((i * 7919) % 256);
  for (std::size_t most = 0; most < 300; ++most) {
    const auto text = excerpt(bytes, most);
    EXPECT_LE(text.size(), 3 * most);
    EXPECT_EQ(valid_text(text), text);
    EXPECT_EQ(text.find('\0'), std::string::npos);
  }
}

}  // namespace
}  // namespace slipway

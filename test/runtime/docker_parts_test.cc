#include <gtest/gtest.h>

#include "runtime/docker/log_frames.h"
#include "runtime/docker/log_keeper.h"
#include "runtime/docker/rfc3339.h"

namespace slipway::runtime {
namespace {

std::string frame(char stream, const std::string& payload) {
  std::string head(8, '\0');
  head[0] = stream;
  for (int i = 0; i < 4; ++i) head[4 + i] = static_cast<char>(payload.size() >> (24 - 8 * i));
  return head + payload;
}

TEST(LogFrames, AnyCutOfTheStreamGivesTheSameFrames) {
  const std::string bytes =
      frame(1, "one") + frame(2, "") + frame(2, std::string(70000, 'x')) + frame(1, "two\n");
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, bytes.size()}) {
    std::vector<std::pair<LogChunk::Stream, std::string>> seen;
    LogFrames frames(
        [&](LogChunk::Stream stream, std::string_view text) { seen.emplace_back(stream, text); });
    for (std::size_t at = 0; at < bytes.size(); at += step)
      ASSERT_TRUE(frames.feed(std::string_view(bytes).substr(at, step)));
    ASSERT_EQ(seen.size(), 4u);
    EXPECT_EQ(seen[0].second, "one");
    EXPECT_EQ(seen[2].first, LogChunk::Stream::Stderr);
    EXPECT_EQ(seen[2].second.size(), 70000u);
    EXPECT_EQ(seen[3].second, "two\n");
  }
}

TEST(LogFrames, GarbageIsRefused) {
  LogFrames frames([](LogChunk::Stream, std::string_view) {});
  EXPECT_FALSE(frames.feed("not a log stream at all"));
}

}  // namespace
}  // namespace slipway::runtime

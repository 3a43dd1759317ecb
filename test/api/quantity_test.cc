#include "api/quantity.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

using std::chrono::milliseconds;

template <class T>
struct Case {
  std::string_view text;
  std::optional<T> value;
};

TEST(Quantity, BytesAreReadAsWrittenOrRefused) {
  const Case<std::int64_t> cases[] = {
      {"0", 0},
      {"65536", 65536},
      {"512Mi", 512LL << 20},
      {"1G", 1000000000},
      {"4Ki", 4096},
      {"3k", 3000},
      {"2Ti", 2LL << 40},
      {"9223372036854775807", INT64_MAX},
      {"010", 10},
      {"", {}},
      {"Mi", {}},
      {"1.5Gi", {}},
      {"-1", {}},
      {"+1", {}},
      {"1 Mi", {}},
      {"1mi", {}},
      {"1K", {}},
      {"9223372036854775808", {}},
      {"8388608Ti", {}},
      {"0x10", {}},
      {"1e3", {}},
  };
  for (const auto& [text, value] : cases) {
    const auto got = parse_bytes(text);
    EXPECT_EQ(got.has_value(), value.has_value()) << text;
    if (got && value) EXPECT_EQ(*got, *value) << text;
    if (!got) EXPECT_EQ(got.error().error_class, ErrorClass::Invalid) << text;
  }
}

TEST(Quantity, CoresAreThousandths) {
  const Case<std::int64_t> cases[] = {
      {"500m", 500},
      {"2", 2000},
      {"0.5", 500},
      {"1.25", 1250},
      {"0.001", 1},
      {"1m", 1},
      {"0m", {}},
      {"0", {}},
      {"0.0001", {}},
      {".5", {}},
      {"1.", {}},
      {"-1", {}},
      {"m", {}},
      {"", {}},
      {"fast", {}},
      {"1.5m", {}},
      {"9223372036854775807", {}},
  };
  for (const auto& [text, value] : cases) {
    const auto got = parse_millicores(text);
    EXPECT_EQ(got.has_value(), value.has_value()) << text;
    if (got && value) EXPECT_EQ(*got, *value) << text;
  }
}

TEST(Quantity, DurationsFollowTheGatewayApi) {
  const Case<milliseconds> cases[] = {
      {"300", milliseconds(300000)},
      {"5m", milliseconds(300000)},
      {"1h30m", milliseconds(5400000)},
      {"10s", milliseconds(10000)},
      {"500ms", milliseconds(500)},
      {"1h2m3s4ms", milliseconds(3723004)},
      {"0s", milliseconds(0)},
      {"0", milliseconds(0)},
      {"", {}},
      {"-5m", {}},
      {"5", milliseconds(5000)},
      {"m5", {}},
      {"5m5m", {}},
      {"30m1h", {}},
      {"1.5h", {}},
      {"5 m", {}},
      {"5M", {}},
      {"123456s", {}},
      {"1d", {}},
      {"5m3", {}},
      {"9223372036854775807", {}},
  };
  for (const auto& [text, value] : cases) {
    const auto got = parse_duration(text);
    EXPECT_EQ(got.has_value(), value.has_value()) << text;
    if (got && value) EXPECT_EQ(*got, *value) << text;
  }
}

TEST(Quantity, WhatIsWrittenIsReadBack) {
  for (std::int64_t bytes : {0LL, 1LL, 1000LL, 1024LL, 1536LL, 512LL << 20, 3LL << 40, 4096LL << 40}) {
    EXPECT_EQ(*parse_bytes(format_bytes(bytes)), bytes);
  }
  EXPECT_EQ(format_bytes(512LL << 20), "512Mi");
  EXPECT_EQ(format_bytes(1000), "1000");
  for (std::int64_t cores : {1, 500, 1000, 1250, 64000})
    EXPECT_EQ(*parse_millicores(format_millicores(cores)), cores);
  EXPECT_EQ(format_millicores(2000), "2");
  for (auto ms : {0LL, 1LL, 999LL, 1000LL, 5400000LL, 90061001LL, 3600000LL * 200000}) {
    EXPECT_EQ(*parse_duration(format_duration(milliseconds(ms))), milliseconds(ms)) << ms;
  }
  EXPECT_EQ(format_duration(milliseconds(5400000)), "1h30m");
  EXPECT_EQ(format_duration(milliseconds(0)), "0s");
}

}  // namespace
}  // namespace slipway

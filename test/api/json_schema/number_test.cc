#include "api/json_schema/number.h"

#include <gtest/gtest.h>

namespace slipway::json_schema {
namespace {

using nlohmann::json;

bool multiple(const char* value, const char* step) {
  return is_multiple(*decimal_of(json::parse(value)), *decimal_of(json::parse(step)));
}

TEST(Number, OneAndOnePointZeroAreIntegers) {
  for (const char* text : {"1", "1.0", "-3.0", "1e300", "0", "18446744073709551615"})
    EXPECT_TRUE(is_integer(json::parse(text))) << text;
  for (const char* text : {"1.5", "1e-300", "\"1\"", "true"})
    EXPECT_FALSE(is_integer(json::parse(text))) << text;
}

TEST(Number, OrderIsExactAcrossKinds) {
  const std::pair<const char*, const char*> ascending[] = {
      {"9007199254740992.0", "9007199254740993"},  // equal, were the integer made a double
      {"-9007199254740993", "-9007199254740992.0"},
      {"9223372036854775807", "9223372036854775808"},
      {"9223372036854775807", "9223372036854775808.0"},
      {"-9223372036854775808", "18446744073709551615"},
      {"18446744073709551615", "1e20"},
      {"-1e20", "-9223372036854775808"},
      {"1", "1.5"},
      {"-1.5", "-1"},
      {"-1", "0.0"},
  };
  for (const auto& [low, high] : ascending) {
    EXPECT_TRUE(compare_numbers(json::parse(low), json::parse(high)) < 0) << low << " " << high;
    EXPECT_TRUE(compare_numbers(json::parse(high), json::parse(low)) > 0) << low << " " << high;
  }
  EXPECT_TRUE(compare_numbers(json::parse("1"), json::parse("1.0")) == 0);
  EXPECT_TRUE(compare_numbers(json::parse("-9223372036854775808"), json::parse("-9223372036854775808.0")) ==
              0);
}

TEST(Number, MultiplesAreExactInDecimals) {
  const std::pair<const char*, const char*> multiples[] = {{"0.0075", "0.0001"},
                                                           {"0.3", "0.1"},
                                                           {"4.02", "0.01"},
                                                           {"1e308", "0.5"},
                                                           {"9223372036854775807", "7"},
                                                           {"-7.5", "2.5"},
                                                           {"0", "0.123"},
                                                           {"1e22", "1e-5"},
                                                           {"18446744073709551615", "5"},
                                                           {"12391239123", "1e-8"},
                                                           {"-9223372036854775808", "2"}};
  for (const auto& [value, step] : multiples) EXPECT_TRUE(multiple(value, step)) << value << " " << step;
  const std::pair<const char*, const char*> others[] = {
      {"0.00751", "0.0001"},        {"1e308", "0.123456789"}, {"35", "1.5"},  {"1e-300", "1e300"},
      {"9223372036854775807", "2"}, {"0.1", "0.3"},           {"5e-324", "1"}};
  for (const auto& [value, step] : others) EXPECT_FALSE(multiple(value, step)) << value << " " << step;
}

TEST(Number, CountsMayBeWrittenWithAPoint) {
  EXPECT_EQ(count_of(json(3)), 3U);
  EXPECT_EQ(count_of(json::parse("2.0")), 2U);
  EXPECT_EQ(count_of(json::parse("1e300")), std::uint64_t{1} << 63);
  for (const char* text : {"-1", "1.5", "\"1\"", "null", "-0.5"})
    EXPECT_FALSE(count_of(json::parse(text))) << text;
}

}  // namespace
}  // namespace slipway::json_schema

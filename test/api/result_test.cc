#include "api/result.h"

#include <gtest/gtest.h>

#include <utility>

namespace slipway {
namespace {

Result<bool> made(bool value) { return value; }

TEST(Result, FalseStaysFalseHoweverItIsCopied) {
  auto lvalue = made(false);
  const auto constant = made(false);
  for (const auto& copy : {Result<bool>(lvalue), Result<bool>(constant), Result<bool>(std::move(constant)),
                           Result<bool>(std::move(lvalue))}) {
    ASSERT_TRUE(copy.has_value());
    EXPECT_FALSE(*copy);
  }
}

TEST(Result, AnErrorStaysAnErrorHoweverItIsCopied) {
  Result<bool> lvalue = Error{ErrorClass::Conflict, "taken"};
  const Result<bool> constant = Error{ErrorClass::Conflict, "taken"};
  for (const auto& copy : {Result<bool>(lvalue), Result<bool>(constant), Result<bool>(std::move(constant)),
                           Result<bool>(std::move(lvalue))}) {
    ASSERT_TRUE(copy.has_error());
    EXPECT_EQ(copy.error().error_class, ErrorClass::Conflict);
  }
}

}  // namespace
}  // namespace slipway

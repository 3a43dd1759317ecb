// `./dev demo` and `./dev test` on a fresh machine, in either order: neither may ask for packages that rule
// out the other's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/packaging/packages.h"

namespace slipway::test {
namespace {

TEST(Orders, WhatTheDemoAndTheTestsAskForInstallsInEitherOrder) {
  const CleanRoot root;
  const std::string source = std::getenv("SLIPWAY_SOURCE_DIR");
  sh("cp " + source + "/dev " + source + "/test/packaging/both_orders.sh " + root.dir().string() + "/root/");
  const auto said =
      root.run("apt-get update -q >/dev/null && bash /root/both_orders.sh /root/dev || echo cannot");
  EXPECT_THAT(said, ::testing::HasSubstr("demo, then test: can be installed"));
  EXPECT_THAT(said, ::testing::HasSubstr("test, then demo: can be installed"));
}

}  // namespace
}  // namespace slipway::test

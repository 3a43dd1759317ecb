// A fuzzer's corpus through the fuzzer's own entry function, on every run of the tests. CMake says which.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "test/fuzz/check_input.h"

namespace slipway::fuzz {
namespace {

TEST(Corpus, BreaksNoPromise) {
  const char* corpus = std::getenv("SLIPWAY_FUZZ_CORPUS");
  ASSERT_NE(corpus, nullptr);
  int replayed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    std::ifstream in(entry.path(), std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    EXPECT_EQ(check_input(bytes.str()), "") << entry.path();
    // Every prefix as well: what a cut connection would leave.
    for (std::size_t size = 0; size < bytes.str().size(); ++size)
      EXPECT_EQ(check_input(bytes.str().substr(0, size)), "") << entry.path() << " cut at " << size;
    ++replayed;
  }
  EXPECT_GE(replayed, 10);
}

}  // namespace
}  // namespace slipway::fuzz

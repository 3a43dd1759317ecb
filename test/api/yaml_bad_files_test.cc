// Every bad file of yaml_corpus/ with the very lines a user reads: NAME.yaml, and in NAME.expected what
// stands behind the file's name, "5:3: spec.timeout: expected a duration …", a line an error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "api/fields.h"
#include "api/kinds.h"

namespace slipway {
namespace {

namespace fs = std::filesystem;

fs::path corpus() { return fs::path(std::getenv("SLIPWAY_SOURCE_DIR")) / "test/api/yaml_corpus"; }

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return bytes.str();
}

std::vector<fs::path> bad_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(corpus())) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

std::string errors_of(const fs::path& file) {
  std::string lines;
  for (auto error : parse_objects({parse_yaml(read(file), "")}).errors)
    lines += to_string(error).substr(1) + "\n";
  return lines;
}

TEST(YamlCorpus, EveryBadFileIsRefusedWithItsExactLines) {
  const auto files = bad_files();
  for (const auto& file : files)
    EXPECT_EQ(errors_of(file), read(fs::path(file).replace_extension(".expected"))) << file;
  std::printf("%zu bad files\n", files.size());
  EXPECT_GE(files.size(), 200U);
}

TEST(YamlCorpus, EveryExpectationHasItsFile) {
  for (const auto& entry : fs::directory_iterator(corpus())) {
    if (entry.path().extension() == ".expected") {
      EXPECT_TRUE(fs::exists(fs::path(entry.path()).replace_extension(".yaml"))) << entry.path();
    }
  }
}

// What a line must be to be of help: within the text, of one line, and more than a word.
TEST(YamlCorpus, EveryErrorPointsIntoItsFile) {
  for (const auto& file : bad_files()) {
    const auto text = read(file);
    const auto lines = std::ranges::count(text, '\n') + 1;
    for (const auto& error : parse_objects({parse_yaml(text, "")}).errors) {
      EXPECT_GE(error.place.line, 1) << file;
      EXPECT_LE(error.place.line, lines) << file;
      EXPECT_GE(error.place.column, 1) << file;
      EXPECT_GT(error.message.size(), 10U) << file;
      EXPECT_TRUE(std::ranges::none_of(to_string(error), [](char c) {
        return (c >= 0 && c < 0x20) || c == 0x7f;
      })) << file;
    }
  }
}

}  // namespace
}  // namespace slipway

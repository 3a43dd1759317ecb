// The official JSON Schema test suite: every mandatory case of draft 7 and 2020-12.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "api/json_schema/json_schema.h"

namespace slipway::json_schema {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kDraft7Uri = "http://json-schema.org/draft-07/schema#";
constexpr const char* kDraft202012Uri = "https://json-schema.org/draft/2020-12/schema";

/// "file / group / case" of what we answer otherwise on purpose, with the reason. One that passes fails the
/// test.
const std::map<std::string, std::string>& exceptions() {
  static const std::map<std::string, std::string> all = {};
  return all;
}

fs::path suite() {
  const char* given = std::getenv("SLIPWAY_JSON_SCHEMA_SUITE");
  return given == nullptr ? fs::path() : fs::path(given);
}

json read(const fs::path& path) {
  std::ifstream in(path);
  return json::parse(in);
}

/// What the suite expects to find at http://localhost:1234/. Documents that belong to another draft by their
/// folder stay out.
Documents remotes(const std::string& draft) {
  Documents found;
  for (const auto& entry : fs::recursive_directory_iterator(suite() / "remotes")) {
    const auto name = fs::relative(entry.path(), suite() / "remotes").string();
    const bool foreign = name.starts_with("draft") && !name.starts_with(draft + "/");
    if (entry.path().extension() == ".json" && !foreign)
      found["http://localhost:1234/" + name] = read(entry.path());
  }
  return found;
}

class Suite {
 public:
  Suite(std::string draft, const char* uri)
      : draft_(std::move(draft)), uri_(uri), remotes_(remotes(draft_)) {}

  void run() {
    for (const auto& entry : fs::directory_iterator(suite() / "tests" / draft_))
      if (entry.path().extension() == ".json")
        for (const auto& group : read(entry.path())) run_group(entry.path().filename().string(), group);
    std::cout << draft_ << ": " << passed_ << " cases passed, " << excepted_ << " excepted\n";
  }
  int passed() const { return passed_; }

 private:
  void run_group(const std::string& file, const json& group) {
    json schema = group.at("schema");
    // The draft's files say so in each schema, or leave it to the folder.
    if (schema.is_object() && !schema.contains("$schema")) schema["$schema"] = uri_;
    const auto compiled = compile(schema, remotes_);
    for (const auto& one : group.at("tests")) {
      const auto name = draft_ + " " + file + " / " + group.at("description").get<std::string>() + " / " +
                        one.at("description").get<std::string>();
      run_case(name, compiled, one);
    }
  }

  void run_case(const std::string& name, const Compiled& compiled, const json& one) {
    std::ostringstream why;
    bool right = false;
    if (compiled.schema == nullptr) {
      why << "refused: " << compiled.problems.at(0).schema << ": " << compiled.problems.at(0).message;
    } else {
      const auto verdict = validate(*compiled.schema, one.at("data"));
      right = !verdict.gave_up && verdict.valid == one.at("valid").get<bool>();
      EXPECT_EQ(verdict.valid, verdict.problems.empty()) << name;
      for (const auto& problem : verdict.problems)
        why << problem.instance << " " << problem.schema << " " << problem.message << "; ";
    }
    if (exceptions().contains(name)) {
      EXPECT_FALSE(right) << name << " passes: take it off the list";
      ++excepted_;
    } else {
      EXPECT_TRUE(right) << name << "\n" << why.str();
      passed_ += right;
    }
  }

  std::string draft_;
  const char* uri_;
  Documents remotes_;
  int passed_ = 0;
  int excepted_ = 0;
};

TEST(OfficialSuite, IsThere) {
  ASSERT_TRUE(fs::is_directory(suite() / "tests" / "draft2020-12"))
      << "the official JSON Schema suite is not at \"" << suite().string() << "\": run ./dev setup";
}

TEST(OfficialSuite, Draft7) {
  ASSERT_TRUE(fs::is_directory(suite() / "tests" / "draft7")) << "no suite: run ./dev setup";
  Suite all("draft7", kDraft7Uri);
  all.run();
  EXPECT_GE(all.passed(), 850) << "fewer cases than the suite has";
}

TEST(OfficialSuite, Draft202012) {
  ASSERT_TRUE(fs::is_directory(suite() / "tests" / "draft2020-12")) << "no suite: run ./dev setup";
  Suite all("draft2020-12", kDraft202012Uri);
  all.run();
  EXPECT_GE(all.passed(), 1170) << "fewer cases than the suite has";
}

}  // namespace
}  // namespace slipway::json_schema

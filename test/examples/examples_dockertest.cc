// The examples of docs/sql.md, run as they stand, by a submitter that has its rights from the documented
// statements.
#include <gtest/gtest.h>

#include <filesystem>

#include "test/support/command/command.h"
#include "test/support/house/house.h"

namespace slipway::test {
namespace {

namespace fs = std::filesystem;

class Examples : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    house_ = new House;
    house_->agent("momentum", R"(printf '{"signal":"hold"}' > /output/result.json)");
    house_->sql().exec(
        "CREATE ROLE shop LOGIN; GRANT slipway_submitter TO shop; INSERT INTO slipway.submitter_users VALUES "
        "('shop', "
        "'*')");
  }
  static void TearDownTestSuite() {
    delete house_;
    house_ = nullptr;
  }

  static fs::path source() { return fs::path(std::getenv("SLIPWAY_SOURCE_DIR")) / "test/examples"; }
  static fs::path npm() { return fs::path(std::getenv("SLIPWAY_SOURCE_DIR")) / "build/npm/test-examples"; }

  static std::string url() {
    auto url = house_->database_url();
    return url.replace(url.find("postgres@"), 8, "shop");
  }
  static std::string output_of(std::vector<std::string> argv) {
    Command command(std::move(argv), {{"DATABASE_URL", url()},
                                      {"PRISMA_SCHEMA_ENGINE_BINARY", "/bin/true"},
                                      {"PRISMA_HIDE_UPDATE_MESSAGE", "1"},
                                      {"CHECKPOINT_DISABLE", "1"}});
    const auto ran = command.finish(std::chrono::seconds(60));
    EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
    return ran.out;
  }
  // Where their packages are, so that they import them by name, as a service does.
  static std::string installed(const std::string& file) {
    EXPECT_TRUE(fs::exists(npm() / "node_modules")) << "packages are installed by ./dev test";
    fs::copy_file(source() / file, npm() / file, fs::copy_options::overwrite_existing);
    return npm() / file;
  }

  static House* house_;
};
House* Examples::house_ = nullptr;

TEST_F(Examples, PsqlInsertsWaitsReadsAndCancels) {
  EXPECT_EQ(output_of({source() / "psql.sh"}), "COMPLETED|{\"signal\":\"hold\"}\nFAILED|Cancelled\n");
}

TEST_F(Examples, CopyInsertsManyAtOnce) {
  const std::string end = "|COMPLETED|{\"signal\":\"hold\"}\n";
  EXPECT_EQ(output_of({source() / "copy.sh"}), "nightly-1" + end + "nightly-2" + end + "nightly-3" + end);
}

TEST_F(Examples, PythonListensAndNarrows) {
  house_->sql().exec(
      "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('u-7', 'momentum', '{}')");
  EXPECT_EQ(output_of({"/usr/bin/python3", source() / "example.py"}),
            "COMPLETED {'signal': 'hold'}\nrows of others: 0\n");
}

TEST_F(Examples, NodeListens) {
  EXPECT_EQ(output_of({"node", installed("example.mjs")}), "COMPLETED {\"signal\":\"hold\"}\n");
}

TEST_F(Examples, PrismaCreatesFindsAndCancels) {
  installed("prisma.mjs");
  const auto schema = installed("schema.prisma");
  output_of({npm() / "node_modules/.bin/prisma", "generate", "--schema", schema});
  EXPECT_EQ(output_of({"node", npm() / "prisma.mjs"}),
            "COMPLETED {\"signal\":\"hold\"}\nFAILED Cancelled\nlater\n");
}

}  // namespace
}  // namespace slipway::test

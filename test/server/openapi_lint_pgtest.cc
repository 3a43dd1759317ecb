// What /openapi.json serves, before a linter that is not ours.
#include <filesystem>
#include <fstream>

#include "test/server/api_rig.h"
#include "test/support/command/command.h"

namespace slipway::test {
namespace {

namespace fs = std::filesystem;

class OpenApi : public ApiRig {};

TEST_F(OpenApi, PassesALinter) {
  const fs::path source = std::getenv("SLIPWAY_SOURCE_DIR");
  const auto npm = source / "build/npm/test-server-lint";
  ASSERT_TRUE(fs::exists(npm / "node_modules")) << "packages are installed by ./dev test";
  fs::copy_file(source / "test/server/lint/lint.mjs", npm / "lint.mjs", fs::copy_options::overwrite_existing);
  char file[] = "/tmp/slipway-openapi-XXXXXX";
  ::close(::mkstemp(file));
  std::ofstream(file) << openapi_.dump(1);
  const auto linted = run({"node", npm / "lint.mjs", file});
  fs::remove(file);
  EXPECT_EQ(linted.exit_code, 0) << linted.out << linted.err;
}

}  // namespace
}  // namespace slipway::test

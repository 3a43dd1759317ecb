// Dependencies run one way (docs/ARCHITECTURE.md): read from the include lines themselves.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "test/architecture/include_rules.h"

namespace slipway::architecture {
namespace {

namespace fs = std::filesystem;

fs::path root() {
  const char* given = std::getenv("SLIPWAY_SOURCE_DIR");
  return given ? fs::path(given) : fs::current_path();
}

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(IncludeDirection, EveryArrowIsInTheRoomTable) {
  int arrows = 0;
  for (const auto& file : source_files(root())) {
    if (file.starts_with("cmake/")) continue;
    for (const auto& include : includes_of(read(root() / file))) {
      ++arrows;
      const auto why = objection(file, include);
      EXPECT_FALSE(why) << file << " includes " << include << ": " << *why;
    }
  }
  EXPECT_GT(arrows, 50);
}

TEST(IncludeDirection, RefusesArrowsTheTableDoesNotHave) {
  EXPECT_TRUE(objection("reconcilers/execution/plan.cc", "store/postgres/postgres_store.h"));
  EXPECT_TRUE(objection("reconcilers/execution/plan.cc", "spdlog/spdlog.h"));
  EXPECT_TRUE(objection("reconcilers/orphans/orphans.cc", "runtime/docker/docker_runtime.h"));
  EXPECT_TRUE(objection("reconcilers/orphans/orphans.cc", "reconcilers/execution/plan.h"));
  EXPECT_TRUE(objection("api/agent.cc", "controller/queue.h"));
  EXPECT_TRUE(objection("metrics/registry.cc", "api/agent.h"));
  EXPECT_TRUE(objection("controller/queue.cc", "store/store.h"));
  EXPECT_TRUE(objection("store/memory/memory_store.cc", "store/postgres/sql.h"));
  EXPECT_TRUE(objection("server/routes.cc", "reconcilers/execution/plan.h"));
  EXPECT_TRUE(objection("cmd/slipwayd/main.cc", "test/support/postgres_server.h"));
  EXPECT_TRUE(objection("runtime/simulated/engine.cc", "boost/beast/http.hpp"));
  EXPECT_TRUE(objection("reconcilers/nodes/node.cc", "pqxx/pqxx"));
  EXPECT_TRUE(objection("api/agent.cc", "re2/re2.h"));
  EXPECT_TRUE(objection("api/json_schema/run.cc", "api/agent.h"));
  EXPECT_TRUE(objection("api/json_schema/run.cc", "store/store.h"));
  EXPECT_TRUE(objection("helper/util.cc", "vector"));
}

TEST(IncludeDirection, AllowsArrowsTheTableHas) {
  EXPECT_FALSE(objection("reconcilers/execution/plan.cc", "api/execution.h"));
  EXPECT_FALSE(objection("reconcilers/execution/executor.cc", "store/store.h"));
  EXPECT_FALSE(objection("store/postgres/postgres_store.cc", "pqxx/pqxx"));
  EXPECT_FALSE(objection("store/postgres/migrate.cc", "api/schemas/migrations.h"));
  EXPECT_FALSE(objection("cmd/slipwayd/main.cc", "runtime/docker/docker_runtime.h"));
  EXPECT_FALSE(objection("server/routes.cc", "boost/beast/http.hpp"));
  EXPECT_FALSE(objection("api/json_schema/pattern.cc", "re2/re2.h"));
  EXPECT_FALSE(objection("test/store/store_test.cc", "store/postgres/postgres_store.h"));
}

TEST(IncludeDirection, EveryRoomSaysWhatItIs) {
  for (const auto& file : source_files(root())) {
    const auto room = room_of(file);
    EXPECT_TRUE(room.empty() || std::filesystem::exists(root() / room / "README.md"))
        << room << " has no README.md";
  }
}

TEST(IncludeDirection, ReadsIncludeLines) {
  EXPECT_THAT(includes_of("#include <a/b.h>\n  # include \"c.h\" // x\n// #include \"not.h\"\nint a;\n"),
              testing::ElementsAre("a/b.h", "c.h"));
}

TEST(StateSwitches, HaveNoDefault) {
  for (const auto& file : source_files(root()))
    if (!file.starts_with("test/"))
      for (int line : defaults_over_enums(read(root() / file)))
        ADD_FAILURE() << file << ":" << line << ": default: hides a new state";
}

TEST(StateSwitches, ADefaultOverOurEnumsIsSeen) {
  EXPECT_THAT(defaults_over_enums("switch (s) {\n  case Stage::New: return;\n  default: return;\n}\n"),
              testing::ElementsAre(3));
  EXPECT_THAT(defaults_over_enums("switch (c) {\n  case 'a': return;\n  default: return;\n}\n"),
              testing::IsEmpty());
}

}  // namespace
}  // namespace slipway::architecture

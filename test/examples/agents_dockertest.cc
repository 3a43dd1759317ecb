// The agent of docs/agents.md in three languages, as its page says: on files, and in real containers.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "test/support/command/command.h"
#include "test/support/house/house.h"

namespace slipway::test {
namespace {

namespace fs = std::filesystem;

fs::path source() { return fs::path(std::getenv("SLIPWAY_SOURCE_DIR")); }
fs::path samples() { return fs::path(std::getenv("SLIPWAY_BUILD_DIR")) / "samples"; }

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

ImageFile file(const fs::path& from, const std::string& to) { return {to, read(from), 0755}; }

/// What a program needs of shared libraries, at the paths where it looks for them.
void add_libraries(const fs::path& program, std::vector<ImageFile>& files, std::set<std::string>& known) {
  const auto listed = run({"ldd", program}).out;
  const std::regex path("(/[^ ]+)");
  for (std::sregex_iterator at(listed.begin(), listed.end(), path), end; at != end; ++at) {
    if (const auto name = (*at)[1].str(); known.insert(name).second)
      files.push_back(file(name, name.substr(1)));
  }
}

/// The machine's own Python: interpreter, standard library, and what they link to.
std::vector<ImageFile> python() {
  std::vector<ImageFile> files;
  std::set<std::string> known;
  const auto program = fs::canonical("/usr/bin/python3");
  files.push_back(file(program, "usr/bin/python3"));
  add_libraries(program, files, known);
  const auto library = fs::path("/usr/lib") / program.filename();
  for (auto at = fs::recursive_directory_iterator(library); at != fs::recursive_directory_iterator(); ++at) {
    const auto name = at->path().filename().string();
    if (at->is_directory() &&
        (name == "test" || name == "__pycache__" || name == "idlelib" || name == "tkinter" ||
         name == "lib2to3" || name == "ensurepip" || name == "pydoc_data"))
      at.disable_recursion_pending();
    const auto kind = at->path().extension();
    if (!at->is_regular_file() || (kind != ".py" && kind != ".so")) continue;
    files.push_back(file(at->path(), at->path().string().substr(1)));
    if (kind == ".so") add_libraries(at->path(), files, known);
  }
  return files;
}

class Agents : public ::testing::Test {
 protected:
  static House& house() {
    static House one;
    return one;
  }

  void expect_counts(const std::string& image, const std::string& command) {
    const auto spec = nlohmann::json{{"image", image},
                                     {"command", nlohmann::json::array({command})},
                                     {"inputSchema", {{"required", nlohmann::json::array({"text"})}}},
                                     {"outputSchema", {{"required", nlohmann::json::array({"words"})}}}};
    house().agent("wordcount", "", spec.dump());
    const auto id = house().insert("wordcount", R"({"text": "one two  three"})");
    auto row = house().finished(id, 60'000);
    EXPECT_EQ(row["reason"], "Completed") << row["message"] << house().logs(id, "stderr");
    EXPECT_EQ(nlohmann::json::parse(row["output"], nullptr, false), nlohmann::json({{"words", 3}}));
    EXPECT_EQ(house().logs(id), "counted 3 words");
    const auto wrong = house().insert("wordcount", R"({"text": 7})");
    auto end = house().finished(wrong, 60'000);
    EXPECT_EQ(end["reason"] + " " + end["exit_code"], "NonZeroExit 2");
    EXPECT_EQ(house().logs(wrong, "stderr"), "expected {\"text\": \"...\"}");
  }
};

TEST_F(Agents, RunOnFilesAsThePageSays) {
  const auto page = read(source() / "docs/agents.md");
  const auto begin = page.find("```sh\n") + 6;
  const auto commands = page.substr(begin, page.find("```", begin) - begin);
  const auto ran = run({"bash", "-euc",
                        "dir=$(mktemp -d); trap 'rm -rf $dir' EXIT; cp -r " +
                            (source() / "manifests").string() + " $dir/; cd $dir\n" + commands},
                       {{"SAMPLES", samples()}});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  std::string words;
  for (const auto& [language, result] :
       {std::pair("shell", "{\"words\": 3}\n"), {"python", "{\"words\": 3}"}, {"c++", "{\"words\":3}\n"}})
    words += std::string("counted 3 words\n") + result;
  EXPECT_EQ(ran.out, words);
}

TEST_F(Agents, InShell) {
  house().engine().import_image("wordcount:sh",
                                {file(source() / "manifests/samples/wordcount/agent.sh", "wordcount")});
  expect_counts("wordcount:sh", "/wordcount");
}

TEST_F(Agents, InCpp) {
  house().engine().import_image("wordcount:cc", {file(samples() / "wordcount", "wordcount")});
  expect_counts("wordcount:cc", "/wordcount");
}

TEST_F(Agents, InPython) {
  auto files = python();
  files.push_back(file(source() / "manifests/samples/wordcount/agent.py", "wordcount"));
  files.push_back(file("/usr/bin/env", "usr/bin/env"));
  house().engine().import_image("wordcount:py", files);
  expect_counts("wordcount:py", "/wordcount");
}

}  // namespace
}  // namespace slipway::test

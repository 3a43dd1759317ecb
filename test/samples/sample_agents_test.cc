// The programs themselves, as an image runs them, but on plain files.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace slipway::samples {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class SampleAgents : public testing::Test {
 protected:
  SampleAgents() {
    std::string pattern = (fs::temp_directory_path() / "slipway-samples-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(directory_); }

  fs::path program(const char* name) const {
    return fs::path(std::getenv("SLIPWAY_BUILD_DIR")) / "samples" / name;
  }
  fs::path sample(const char* path) const {
    return fs::path(std::getenv("SLIPWAY_SOURCE_DIR")) / "manifests/samples" / path;
  }
  fs::path output() const { return directory_ / "result.json"; }

  fs::path input(const std::string& text) const {
    std::ofstream(directory_ / "input.json") << text;
    return directory_ / "input.json";
  }

  pid_t launch(const char* name, const fs::path& from) const {
    const std::string path = program(name).string();
    const std::string errors = (directory_ / "stderr").string();
    const pid_t child = ::fork();
    if (child != 0) return child;
    (void)!::freopen(errors.c_str(), "w", stderr);
    (void)!::freopen("/dev/null", "w", stdout);
    ::execl(path.c_str(), path.c_str(), from.c_str(), output().c_str(), nullptr);
    ::_exit(127);
  }

  int run(const char* name, const fs::path& from) const {
    int status = 0;
    ::waitpid(launch(name, from), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  fs::path directory_;
};

TEST_F(SampleAgents, MomentumAnswersAsExpected) {
  for (const char* series : {"momentum/demo/eth-1h", "momentum/demo/btc-4h"}) {
    ASSERT_EQ(run("momentum", sample((std::string(series) + ".json").c_str())), 0);
    const auto expected =
        nlohmann::json::parse(read(sample((std::string(series) + ".expected.json").c_str())));
    EXPECT_EQ(nlohmann::json::parse(read(output())), expected);
  }
}

TEST_F(SampleAgents, KeyphrasesAnswersAsExpected) {
  const nlohmann::json request = {{"document", read("/usr/share/common-licenses/GPL-3")}};
  ASSERT_EQ(run("keyphrases", input(request.dump())), 0);
  const auto expected = nlohmann::json::parse(read(sample("keyphrases/demo/gpl-3.expected.json")));
  EXPECT_EQ(nlohmann::json::parse(read(output())), expected);
}

TEST_F(SampleAgents, BadInputIsOneLineAndExitCodeTwo) {
  for (const char* text : {"", "[]", "{", "{\"symbol\":1}"}) {
    EXPECT_EQ(run("momentum", input(text)), 2) << text;
    const auto complaint = read(directory_ / "stderr");
    EXPECT_TRUE(complaint.starts_with("bad input: ") && complaint.find('\n') == complaint.size() - 1)
        << complaint;
    EXPECT_FALSE(fs::exists(output()));
  }
  EXPECT_EQ(run("keyphrases", input(std::string(2000, '['))), 2);
  EXPECT_EQ(run("keyphrases", directory_ / "absent"), 2);
}

TEST_F(SampleAgents, TermEndsThemAtOnce) {
  const auto fifo = directory_ / "fifo";  // reading it waits for a writer that never comes
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const pid_t child = launch("momentum", fifo);
  int status = 0;
  for (bool handled = false; !handled;) {  // SIGTERM is caught once the handler stands
    std::ifstream stat("/proc/" + std::to_string(child) + "/status");
    for (std::string line; std::getline(stat, line);)
      if (line.starts_with("SigCgt:"))
        handled = std::stoull(line.substr(7), nullptr, 16) & (1ULL << (SIGTERM - 1));
    ASSERT_EQ(::waitpid(child, &status, WNOHANG), 0);
  }
  ::kill(child, SIGTERM);
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 143);
}

}  // namespace
}  // namespace slipway::samples

// What the service manager is told, and that the documented configuration is the whole of it and no more.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <regex>

#include "test/support/command/command.h"
#include "test/support/house/house.h"

namespace slipway::test {
namespace {

using ::testing::HasSubstr;

/// The socket that sd_notify speaks to.
class Manager {
 public:
  explicit Manager(const std::string& path)
      : path_(path), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("bind " + path);
  }
  ~Manager() { ::close(fd_); }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  const std::string& path() const { return path_; }
  /// Whether it is told `what` before the deadline.
  bool hears(const std::string& what, int timeout_ms) {
    return wait_until(
        [&] {
          char buffer[4096];
          for (ssize_t got; (got = ::recv(fd_, buffer, sizeof buffer, 0)) > 0;) {
            const std::string said(buffer, static_cast<std::size_t>(got));
            if (said.find(what) != std::string::npos) return true;
          }
          return false;
        },
        timeout_ms);
  }

 private:
  std::string path_;
  int fd_;
};

TEST(Units, ServiceManagerIsToldAndTheWatchdogIsFedByTheLoop) {
  House house({.start = false});
  Manager manager(house.engine().dir() + "/notify");
  ::setenv("NOTIFY_SOCKET", manager.path().c_str(), 1);
  ::setenv("WATCHDOG_USEC", "900000", 1);
  house.daemon().start();
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("WATCHDOG_USEC");
  EXPECT_TRUE(manager.hears("READY=1\nSTATUS=Node n1 runs up to", 5'000));
  EXPECT_TRUE(manager.hears("WATCHDOG=1", 5'000));
  EXPECT_TRUE(manager.hears("WATCHDOG=1", 5'000)) << "again and again";
  house.daemon().signal(SIGSTOP);
  while (manager.hears("WATCHDOG=1", 1)) {
  }
  EXPECT_FALSE(manager.hears("WATCHDOG=1", 1'500)) << "a loop that stands still feeds nothing";
  house.daemon().signal(SIGCONT);
  EXPECT_TRUE(manager.hears("WATCHDOG=1", 5'000));
  EXPECT_TRUE(house.daemon().detach());
  EXPECT_TRUE(manager.hears("STOPPING=1", 1'000));
}

std::string example_configuration() {
  std::ifstream file(std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/manifests/config.yaml");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The keys of the example, those commented out as well: "database.url".
std::set<std::string> documented() {
  std::set<std::string> keys;
  std::vector<std::pair<std::size_t, std::string>> above;  // indentation and name
  std::istringstream lines(example_configuration());
  const std::regex setting("( *)(# )?( *)([a-z_]+):( .*)?");
  std::smatch found;
  for (std::string line; std::getline(lines, line);) {
    if (!std::regex_match(line, found, setting)) continue;
    const auto indent = found[1].length() + found[3].length();
    while (!above.empty() && above.back().first >= static_cast<std::size_t>(indent)) above.pop_back();
    std::string key;
    for (const auto& [ignored, name] : above) key += name + ".";
    key += found[4];
    above.emplace_back(indent, found[4]);
    keys.insert(key);
  }
  return keys;
}

TEST(Units, EverySettingIsInTheExampleAndNothingElse) {
  const auto help = run({built("cmd/slipwayd/slipwayd"), "--help"}).out;
  std::set<std::string> flags;
  const std::regex flag("--([a-z-]+) TEXT");
  for (auto it = std::sregex_iterator(help.begin(), help.end(), flag); it != std::sregex_iterator(); ++it)
    flags.insert((*it)[1]);
  flags.erase("config");
  std::set<std::string> shown;
  for (auto key : documented()) {
    std::ranges::replace_if(key, [](char c) { return c == '.' || c == '_'; }, '-');
    shown.insert(key);
  }
  for (const auto* group : {"database", "engine", "registry", "node", "http", "http-tls", "policy", "log",
                            "engine-runtimes-gvisor"})
    shown.erase(group);
  EXPECT_EQ(shown, flags);
}

TEST(Units, TheExampleIsUnderstoodAsItStandsAndWithEverythingSwitchedOn) {
  House house({.start = false});
  const auto path = house.engine().dir() + "/config.yaml";
  auto text = example_configuration();
  text = std::regex_replace(text, std::regex("\n( *)# ( *[a-z_]+:( .*)?)(?=\n)"), "\n$1$2");
  text = std::regex_replace(text, std::regex("\n  tls:\n.*\n.*\n"), "\n");
  std::ofstream(path) << text;
  const auto started = run({built("cmd/slipwayd/slipwayd"), "--config", path, "--startup-timeout", "1ms",
                            "--state-dir", house.engine().dir() + "/state", "--database-url",
                            "postgresql:///?host=/nowhere", "--http-listen", "127.0.0.1:0"});
  EXPECT_THAT(started.err + started.out, HasSubstr("database"))
      << "it comes as far as looking for the database";
  EXPECT_THAT(started.err, ::testing::Not(HasSubstr("unknown setting")));
  EXPECT_THAT(started.err, ::testing::Not(HasSubstr("expected")));
}

}  // namespace
}  // namespace slipway::test

// A busy node for minutes or an hour, while its parts die: README.md.

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "test/support/command/command.h"
#include "test/support/house/mixture.h"

namespace slipway::test {
namespace {

using namespace std::chrono_literals;
using SteadyClock = std::chrono::steady_clock;

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
constexpr int kSeconds = kSanitized ? 60 : 300;
constexpr int kBusy = 40;  // unfinished rows that are kept up

int number_from(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::atoi(text) : otherwise;
}

/// What a process holds now.
struct Held {
  std::size_t memory = 0;  ///< bytes resident
  std::size_t descriptors = 0;
};

Held held_by(pid_t pid) {
  const auto proc = "/proc/" + std::to_string(pid);
  std::size_t pages = 0;
  std::ifstream(proc + "/statm") >> pages >> pages;
  std::error_code ignored;
  const auto fds = std::filesystem::directory_iterator(proc + "/fd", ignored);
  return {pages * 4096, static_cast<std::size_t>(std::distance(begin(fds), end(fds)))};
}

/// Pids of this engine's shims: one for each container that runs.
std::vector<pid_t> shims_of(const DockerEngine& engine) {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    std::ifstream file(entry.path() / "cmdline");
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    if (line.find("containerd-shim") != std::string::npos && line.find(engine.dir()) != std::string::npos)
      found.push_back(pid);
  }
  return found;
}

/// The daemon's directory on a file system of its own, which can be filled.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path place) : place_(std::move(place)) {
    std::filesystem::create_directories(place_);
    EXPECT_EQ(::mount("small", place_.c_str(), "tmpfs", 0, "size=64m"), 0);
  }
  /// What was written stays, since the house looks into it as it is torn down.
  ~SmallDisk() {
    std::map<std::filesystem::path, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(place_)) {
      std::ifstream file(entry.path());
      if (entry.is_regular_file()) files[entry.path()] = {std::istreambuf_iterator<char>(file), {}};
    }
    ::umount2(place_.c_str(), MNT_DETACH);
    for (const auto& [path, text] : files) std::ofstream(path) << text;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  void fill() const {
    std::ofstream ballast(place_ / "ballast");
    const std::string piece(1 << 20, 'x');
    while (ballast << piece << std::flush) {
    }
  }
  void free() const { std::filesystem::remove(place_ / "ballast"); }

 private:
  std::filesystem::path place_;
};

class Soak : public ::testing::Test {
 protected:
  Soak() {
    house_.daemon().start();
    without_free_entitlements(house_);
    house_.engine().import_image(
        "blocks:1", {{.path = "etc/", .bytes = ""}, {.path = "etc/passwd", .bytes = "", .fifo = true}});
    hostile("blocks", "true", R"({"image": "blocks:1", "maxConcurrent": 1})");
    hostile("nul", R"(printf '{"ok":true}\0' > /output/result.json)");
    hostile("pipe", "mkfifo /output/result.json");
    hostile("flood",
            "yes 0123456789abcdefghijklmnopqrstuvwxyz | head -c 3000000; echo 1 > /output/result.json");
    hostile("eater", "x=a; while :; do x=$x$x; done", R"({"resources": {"limits": {"memory": "16Mi"}}})");
    hostile("deaf", "trap '' TERM; while :; do sleep 0.2; done", R"({"timeout": "1s"})");
    hostile("forks", "bomb() { bomb | bomb & }; bomb; sleep 1; exit 4",
            R"({"resources": {"limits": {"pids": 32}}, "timeout": "5s"})");
    hostile("nothing", "", R"({"command": ["/bin/no-such-program"]})");
  }

  void TearDown() override { house_.daemon().kill9(); }

  void hostile(const std::string& name, const std::string& script, const std::string& spec = "{}") {
    auto whole = nlohmann::json::parse(spec);
    whole["price"] = "0.05";
    house_.agent(name, script, whole.dump());
    house_.sql().exec("INSERT INTO slipway.entitlements (user_id, agent) VALUES ('u-mallory', '" + name +
                      "')");
    hostile_.push_back(name);
  }

  int unfinished() {
    persistently(house_, Mixture::kCancel);
    return std::stoi(persistently(
        house_, "SELECT count(*) FROM slipway.executions WHERE finished_at IS NULL AND stage <> 'Deferred'"));
  }

  void keep_busy() {
    if (unfinished() >= kBusy) return;
    persistently(house_, Mixture::kHundred);
    std::string rows;
    for (const auto& name : hostile_)
      rows += std::string(rows.empty() ? "" : ", ") + "('u-mallory', '" + name + "', '{}')";
    persistently(house_, "INSERT INTO slipway.executions (user_id, agent, input) VALUES " + rows);
  }

  /// Keeps the node busy for so long; `pause` between two faults, or none at all.
  void keep_busy_for(std::chrono::seconds time, std::optional<std::chrono::milliseconds> pause) {
    const auto end = SteadyClock::now() + time;
    auto next = SteadyClock::now() + pause.value_or(time);
    while (SteadyClock::now() < end && !HasFatalFailure()) {
      keep_busy();
      if (pause && SteadyClock::now() >= next) {
        break_something();
        next = SteadyClock::now() + *pause;
      }
      const auto seen = finished();
      wait_until([&] { return finished() > seen; }, 1000);
    }
  }

  int finished() {
    return std::stoi(
        persistently(house_, "SELECT count(*) FROM slipway.executions WHERE finished_at IS NOT NULL"));
  }

  void break_something() {
    auto& daemon = house_.daemon();
    auto& engine = house_.engine();
    const auto freeze = [this](auto stop, auto go_on) {
      stop();
      const auto until = SteadyClock::now() + std::chrono::milliseconds(between(200, 4000));
      wait_until([&] { return SteadyClock::now() >= until; }, 10'000);
      go_on();
    };
    switch (between(0, 10)) {
      case 0:
      case 1:
        told("daemon killed"), daemon.kill9(), daemon.start(false);
        break;
      case 2:
        told("daemon detached"), daemon.detach(), daemon.start(false);
        break;
      case 3:
        told("daemon frozen");
        freeze([&] { daemon.signal(SIGSTOP); }, [&] { daemon.signal(SIGCONT); });
        break;
      case 4:
        told("PostgreSQL killed"), house_.postgres().kill9(), house_.postgres().start(), house_.reconnect();
        break;
      case 5:
        told("PostgreSQL frozen");
        freeze([&] { house_.postgres().pause(); }, [&] { house_.postgres().resume(); });
        break;
      case 6:
        told("engine killed"), engine.restart();
        break;
      case 7:
        told("engine frozen");
        freeze([&] { engine.suspend(); }, [&] { engine.resume(); });
        break;
      case 8:
        told("disk full");
        freeze([&] { disk_->fill(); }, [&] { disk_->free(); });
        break;
      case 9:
        told("engine and containerd killed"), engine.kill(), engine.kill_containerd(), engine.start();
        break;
      default:
        if (const auto shims = shims_of(engine); !shims.empty())
          told("shim killed"),
              ::kill(shims[static_cast<std::size_t>(between(0, static_cast<int>(shims.size()) - 1))],
                     SIGKILL);
    }
    ++probes_;
    if (!daemon.running()) daemon.start(false);  // it ends where it could not open within its start-up time
  }

  void told(const std::string& what) { ++faults_[what]; }
  int between(int low, int high) { return std::uniform_int_distribution<>(low, high)(dice_); }

  PostgresServer postgres_;
  House house_{{.flags = {"--resync", "1s", "--node-slots", "12", "--engine-patience", "10s"},
                .start = false,
                .postgres = &postgres_}};
  std::unique_ptr<SmallDisk> disk_ = std::make_unique<SmallDisk>(house_.daemon().options().state_dir);
  Mixture mixture_{house_};
  std::vector<std::string> hostile_;
  std::map<std::string, int> faults_;
  int probes_ = 1;
  std::mt19937 dice_{static_cast<unsigned>(number_from("SLIPWAY_SOAK_SEED", 1))};
};

TEST_F(Soak, ThePromisesHoldWhateverDies) {
  const std::chrono::seconds all(number_from("SLIPWAY_SOAK_SECONDS", kSeconds));
  keep_busy_for(all * 3 / 4, 3000ms);
  ASSERT_TRUE(wait_until([&] { return house_.daemon().ready(); }, 60'000)) << house_.daemon().get("/readyz");

  // Quiet: what is held now is what it takes.
  keep_busy_for(std::max<std::chrono::seconds>(all / 16, 5s), {});
  const auto before = held_by(house_.daemon().pid());
  const auto log_before = house_.daemon().log().size();
  const auto finished_before = finished();
  keep_busy_for(all * 3 / 16, {});
  const auto after = held_by(house_.daemon().pid());
  const auto done = finished() - finished_before;
  const auto logged = house_.daemon().log().size() - log_before;

  persistently(house_,
               "UPDATE slipway.executions SET cancel_requested = true WHERE finished_at IS NULL AND stage = "
               "'Deferred'");
  const auto left = [&] {
    return persistently(house_,
                        "SELECT string_agg(id || ' ' || stage || ' ' || reason || ' ' || agent, E'\\n') FROM "
                        "slipway.executions WHERE finished_at IS NULL OR live");
  };
  ASSERT_TRUE(wait_until([&] { return unfinished() == 0; }, 180'000)) << left();
  // What the blocking image holds is held until the engine goes.
  const auto lost = [&] {
    return house_.daemon().get("/metrics").find("slipway_node_slots_lost 0") == std::string::npos;
  };
  if (lost()) told("engine killed"), house_.engine().restart(), ++probes_;
  ASSERT_TRUE(wait_until([&] { return left().empty(); }, 180'000)) << left();
  const auto recount =
      run({"/usr/bin/python3", std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/test/faults/recount.py",
           house_.database_url(), house_.engine().dir() + "/bin/ledger", std::to_string(probes_ * 2)});
  std::printf("%s%s", recount.out.c_str(), recount.err.c_str());
  for (const auto& [what, times] : faults_) std::printf("%s %d, ", what.c_str(), times);
  std::printf(
      "in %lld s\nquiet: %d executions, %zu bytes logged, memory %zu -> %zu MiB, descriptors %zu -> %zu\n",
      static_cast<long long>(all.count()), done, logged, before.memory >> 20U, after.memory >> 20U,
      before.descriptors, after.descriptors);
  EXPECT_EQ(recount.exit_code, 0);
  EXPECT_TRUE(house_.daemon().ready()) << house_.daemon().get("/readyz");
  EXPECT_TRUE(wait_until([&] { return house_.leftovers().empty(); }, 30'000));  // but for a probe's
  EXPECT_EQ(house_.leftovers(), std::vector<std::string>{});
  EXPECT_GT(done, 0);
  EXPECT_LT(after.descriptors, before.descriptors + 32);
  EXPECT_LT(logged, 4096U * static_cast<std::size_t>(done) + 65'536U);
  if (!kSanitized) EXPECT_LT(after.memory, before.memory + before.memory / 4 + (8U << 20U));
}

}  // namespace
}  // namespace slipway::test

#include "test/bench/slipwayd_load.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <pqxx/pqxx>
#include <stdexcept>
#include <thread>

#include "test/bench/drivers.h"
#include "test/bench/scratch.h"

namespace slipway::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kReadyTimeout = 60s;
constexpr auto kStuck = 120s;
constexpr auto kLogTail = 3000;
// Prepared statements.
constexpr const char* kAllDone = "all_done";
constexpr const char* kFinal = "is_final";
constexpr const char* kCleaned = "is_cleaned";

pid_t spawn(const DaemonSetup& setup, const std::string& log) {
  const std::vector<std::string> words = {setup.program.string(),
                                          "--database-url",
                                          setup.database_url,
                                          "--engine-socket",
                                          setup.engine_socket,
                                          "--state-dir",
                                          setup.state_dir.string(),
                                          "--node-name",
                                          "bench",
                                          "--node-starts",
                                          std::to_string(setup.starts),
                                          "--node-slots",
                                          std::to_string(setup.slots),
                                          "--http-listen",
                                          "127.0.0.1:0",
                                          "--log-level",
                                          "warn"};
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(file, 1);
  ::dup2(file, 2);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

std::string tail_of(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return text.size() > kLogTail ? text.substr(text.size() - kLogTail) : text;
}

/// Calls `done` every `pause` until it says true.
template <class Done>
bool wait_until(Clock::duration timeout, Clock::duration pause, Done done) {
  for (const auto end = Clock::now() + timeout; !done();) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

}  // namespace

struct DaemonUnderLoad::State {
  // The witness asks each by its partial index, planned once: it is to cost the machine as little as it can.
  // What it sets for that must not touch the submitter, whose INSERT rings the doorbell.
  explicit State(const std::string& url) : connection(url), witness(url) {
    pqxx::nontransaction(witness).exec("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan");
    witness.prepare(kAllDone,
                    "SELECT NOT EXISTS (SELECT FROM slipway.executions WHERE live) AND NOT EXISTS (SELECT "
                    "FROM slipway.executions WHERE queued) AND NOT EXISTS (SELECT FROM slipway.executions "
                    "WHERE decide_at IS NOT NULL)");
    witness.prepare(
        kFinal, "SELECT status NOT IN ('PENDING', 'RUNNING') FROM slipway.executions WHERE id = $1::uuid");
    witness.prepare(kCleaned, "SELECT stage = 'Cleaned' FROM slipway.executions WHERE id = $1::uuid");
  }
  pqxx::connection connection, witness;
  std::string log;
  pid_t pid = 0;

  pqxx::result run(const char* sql) { return pqxx::nontransaction(connection).exec(sql); }
  template <class... Values>
  pqxx::result run(const char* sql, const Values&... values) {
    return pqxx::nontransaction(connection).exec_params(sql, values...);
  }
  [[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + "; end of its log:\n" + tail_of(log));
  }
  void check_all_completed() {
    const auto bad =
        run("SELECT count(*) OVER (), e.status || ' ' || e.reason || ': ' || coalesce(a.detail, e.message) "
            "FROM slipway.executions e LEFT JOIN slipway.attempts a ON a.execution_id = e.id "
            "WHERE e.status <> 'COMPLETED' LIMIT 1");
    if (!bad.empty())
      fail(bad[0][0].as<std::string>() + " executions did not complete, one " + bad[0][1].as<std::string>());
  }
};

DaemonUnderLoad::DaemonUnderLoad(const DaemonSetup& setup, const std::string& image)
    : state_(std::make_unique<State>(setup.database_url)) {
  const auto limits = bench_limits();
  const nlohmann::json spec = {{"image", image},
                               {"imagePullPolicy", "Never"},
                               {"command", {"/trivial"}},
                               {"resources",
                                {{"limits",
                                  {{"memory", std::to_string(limits.memory)},
                                   {"output", std::to_string(limits.output)},
                                   {"scratch", std::to_string(limits.scratch)}}}}}};
  state_->run("INSERT INTO slipway.agents (name, spec) VALUES ('trivial', $1)", spec.dump());
  state_->run("INSERT INTO slipway.entitlements (user_id, agent) VALUES ('bench', 'trivial')");
  state_->log = (setup.state_dir / "slipwayd.log").string();
  state_->pid = spawn(setup, state_->log);
  latencies(1);  // it is up when it has done one
}

DaemonUnderLoad::~DaemonUnderLoad() {
  ::kill(state_->pid, SIGTERM);
  if (!wait_until(20s, 10ms, [&] { return ::waitpid(state_->pid, nullptr, WNOHANG) != 0; })) {
    ::kill(state_->pid, SIGKILL);
    ::waitpid(state_->pid, nullptr, 0);
  }
  std::string instance;
  std::ifstream(std::filesystem::path(state_->log).parent_path() / "instance_id") >> instance;
  if (!instance.empty()) remove_cgroup("slipway/" + instance);
}

pid_t DaemonUnderLoad::pid() const { return state_->pid; }

double DaemonUnderLoad::throughput(int count) {
  const auto since = Clock::now();
  state_->run(
      "INSERT INTO slipway.executions (user_id, agent, input) SELECT 'bench', 'trivial', '{\"n\":1}' FROM "
      "generate_series(1, $1::int)",
      count);
  const bool done = wait_until(kStuck, 50ms, [&] {
    return pqxx::nontransaction(state_->witness).exec_prepared(kAllDone)[0][0].as<bool>();
  });
  if (!done) state_->fail("slipwayd did not converge");
  const double seconds = std::chrono::duration<double>(Clock::now() - since).count();
  state_->check_all_completed();
  return count / seconds;
}

std::vector<double> DaemonUnderLoad::latencies(int count) {
  std::vector<double> milliseconds;
  for (int i = 0; i < count; ++i) {
    const auto since = Clock::now();
    const auto id = state_
                        ->run(
                            "INSERT INTO slipway.executions (user_id, agent, input) VALUES ('bench', "
                            "'trivial', '{\"n\":1}') RETURNING id")[0][0]
                        .as<std::string>();
    auto reached = [&](const char* what) {
      return [this, what, &id] {
        return pqxx::nontransaction(state_->witness).exec_prepared(what, id)[0][0].template as<bool>();
      };
    };
    if (!wait_until(kReadyTimeout, 1ms, reached(kFinal)))
      state_->fail("slipwayd did not finish an execution");
    milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - since).count());
    if (!wait_until(kReadyTimeout, 2ms, reached(kCleaned))) state_->fail("slipwayd did not clean up");
  }
  state_->check_all_completed();
  return milliseconds;
}

}  // namespace slipway::bench

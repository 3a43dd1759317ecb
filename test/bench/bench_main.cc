// slipway_bench: the engine's floor, a naive driver and slipwayd side by side on one engine, in alternating
// rounds, so that the ratios hold on any machine. Prints one table and writes JSON; a missed budget is shown,
// not an error.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <functional>
#include <pqxx/pqxx>

#include "test/bench/drivers.h"
#include "test/bench/image.h"
#include "test/bench/process_cpu.h"
#include "test/bench/report.h"
#include "test/bench/scratch.h"
#include "test/bench/slipwayd_load.h"
#include "test/bench/witness.h"
#include "test/support/docker_engine/docker_engine.h"
#include "test/support/postgres_server/postgres_server.h"

namespace slipway::bench {
namespace {

namespace fs = std::filesystem;

struct Settings {
  std::string build_dir = "build/release";
  std::string json = "build/bench.json";
  int rounds = 5;
  int count = 200;  ///< executions a round, floor and slipwayd each: long enough to be sustained
  int naive_count = 60;
  int singles = 100;  ///< one at a time
  int in_flight = 4;
  bool statements = false;  ///< what Postgres spent on each statement
};

struct Figures {
  std::vector<double> floor, naive, slipwayd;             // executions per second
  std::vector<double> slipwayd_to_floor, floor_to_naive;  // of one round
  std::vector<double> cpu_slipwayd, cpu_postgres;         // milliseconds per execution
  std::vector<double> cpu_engine, cpu_engine_floor;       // of the engine under slipwayd and under the floor
  std::vector<double> floor_ms, slipwayd_ms;              // one at a time
};

/// CPU of the engine, in milliseconds per execution, while `drive` runs `count` of them.
template <class Drive>
double engine_cpu_of(pid_t engine, int count, Drive drive) {
  const double before = cpu_ms(engine, true);
  drive();
  return (cpu_ms(engine, true) - before) / count;
}

/// One round: the three side by side. Each second round runs backwards: who comes later meets what the others
/// have left to the machine.
void measure_round(const Settings& settings, const Ground& ground, DaemonUnderLoad& daemon, pid_t postgres,
                   pid_t engine, Figures& figures) {
  const std::function<void()> floor = [&] {
    figures.cpu_engine_floor.push_back(engine_cpu_of(engine, settings.count, [&] {
      figures.floor.push_back(floor_throughput(ground, settings.count, settings.in_flight));
    }));
  };
  const std::function<void()> slipwayd = [&] {
    const double daemon_before = cpu_ms(daemon.pid(), false);
    const double postgres_before = cpu_ms(postgres, true);
    figures.cpu_engine.push_back(engine_cpu_of(
        engine, settings.count, [&] { figures.slipwayd.push_back(daemon.throughput(settings.count)); }));
    figures.cpu_slipwayd.push_back((cpu_ms(daemon.pid(), false) - daemon_before) / settings.count);
    figures.cpu_postgres.push_back((cpu_ms(postgres, true) - postgres_before) / settings.count);
  };
  const std::function<void()> naive = [&] {
    figures.naive.push_back(naive_throughput(ground, settings.naive_count, settings.in_flight));
  };
  std::array turns{floor, slipwayd, naive};
  if (figures.floor.size() % 2 == 1) std::ranges::reverse(turns);
  for (const auto& turn : turns) turn();
  figures.slipwayd_to_floor.push_back(figures.slipwayd.back() / figures.floor.back());
  figures.floor_to_naive.push_back(figures.floor.back() / figures.naive.back());
  std::fprintf(stderr, "round %zu/%d: floor %.1f/s, slipwayd %.1f/s, naive %.1f/s\n", figures.floor.size(),
               settings.rounds, figures.floor.back(), figures.slipwayd.back(), figures.naive.back());
}

/// A few of each in turn, so that a change of the machine's mood meets both.
void measure_singles(const Settings& settings, const Ground& ground, DaemonUnderLoad& daemon,
                     Figures& figures) {
  constexpr int kTurn = 10;
  auto append = [](std::vector<double>& all, const std::vector<double>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  for (int done = 0; done < settings.singles; done += kTurn) {
    const int turn = std::min(kTurn, settings.singles - done);
    append(figures.floor_ms, floor_latencies(ground, turn));
    append(figures.slipwayd_ms, daemon.latencies(turn));
    std::fprintf(stderr, "one at a time: %d/%d\n", done + turn, settings.singles);
  }
}

std::vector<Line> lines_of(const Figures& figures) {
  auto tail = [](const std::vector<double>& values) { return percentile(values, 0.99); };
  const double cpu = median(figures.cpu_slipwayd) + median(figures.cpu_postgres);
  return {
      {"floor_per_second", "engine floor, 4 in flight", "", median(figures.floor), "/s"},
      {"slipwayd_per_second", "slipwayd, 4 starts in flight", "", median(figures.slipwayd), "/s"},
      {"naive_per_second", "naive driver, 4 in flight", "", median(figures.naive), "/s"},
      {"floor_ratio", "slipwayd / floor", ">= 0.90", median(figures.slipwayd_to_floor), ""},
      {"floor_vs_naive", "floor / naive", ">= 2.2", median(figures.floor_to_naive), ""},
      {"floor_p50_ms", "floor, one at a time, p50", "", median(figures.floor_ms), "ms"},
      {"slipwayd_p50_ms", "slipwayd, INSERT to final row, p50", "", median(figures.slipwayd_ms), "ms"},
      {"overhead_p50_ms", "overhead p50", "<= 8", median(figures.slipwayd_ms) - median(figures.floor_ms),
       "ms"},
      {"floor_p99_ms", "floor, one at a time, p99", "", tail(figures.floor_ms), "ms"},
      {"slipwayd_p99_ms", "slipwayd, INSERT to final row, p99", "", tail(figures.slipwayd_ms), "ms"},
      {"overhead_p99_ms", "overhead p99", "<= 25", tail(figures.slipwayd_ms) - tail(figures.floor_ms), "ms"},
      {"cpu_ms_slipwayd", "CPU of slipwayd per execution", "", median(figures.cpu_slipwayd), "ms"},
      {"cpu_ms_postgres", "CPU of Postgres per execution", "", median(figures.cpu_postgres), "ms"},
      {"cpu_ms_engine", "CPU of the engine per execution, slipwayd", "", median(figures.cpu_engine), "ms"},
      {"cpu_ms_engine_floor", "CPU of the engine per execution, floor", "", median(figures.cpu_engine_floor),
       "ms"},
      {"cpu_ms_control", "CPU of both per execution", "<= 6", cpu, "ms"},
  };
}

/// What Postgres did for one execution of the rounds, the dearest statement first.
void print_statements(const std::string& database_url, int executions) {
  pqxx::connection connection(database_url);
  pqxx::nontransaction work(connection);
  const auto rows = work.exec_params(
      "SELECT round((calls / $1::numeric), 2), round(((total_exec_time + total_plan_time) / $1)::numeric, "
      "3), "
      "round((shared_blks_hit / $1::numeric)), round(wal_records / $1::numeric, 1), "
      "left(regexp_replace(query, '\\s+', ' ', 'g'), 150) FROM pg_stat_statements "
      "ORDER BY total_exec_time + total_plan_time DESC LIMIT 30",
      executions);
  std::puts("per execution: calls, ms, buffer hits, WAL records, statement");
  for (const auto& row : rows)
    std::printf("%6s %8s %7s %6s  %s\n", row[0].c_str(), row[1].c_str(), row[2].c_str(), row[3].c_str(),
                row[4].c_str());
}

pid_t postmaster_of(const std::string& database_url) {
  pqxx::connection connection(database_url);
  const int backend = connection.backendpid();
  std::ifstream file("/proc/" + std::to_string(backend) + "/stat");
  std::string number, name, state;
  pid_t parent = 0;
  file >> number >> name >> state >> parent;
  return parent;
}

void run(const Settings& settings) {
  Scratch scratch;
  test::DockerEngine engine({.parent = scratch.disk()});
  test::PostgresServer::Options durable{.fsync = true};
  if (settings.statements)
    durable.settings = {{"shared_preload_libraries", "pg_stat_statements"},
                        {"pg_stat_statements.track_planning", "on"}};
  test::PostgresServer postgres(durable);
  const auto database = postgres.create_migrated_database();
  if (settings.statements) {
    pqxx::connection connection(database);
    pqxx::nontransaction(connection).exec("CREATE EXTENSION pg_stat_statements");
  }
  EngineClient client(engine.socket_path());
  Ground ground{.socket = engine.socket_path(),
                .image_id = {},
                .runtime = {},
                .scratch = scratch.path() / "floor",
                .cgroup_parent = scratch.cgroup_parent()};
  ground.image_id =
      import_program(client, settings.build_dir + "/test/bench/trivial", "slipway.local/trivial", "bench");
  fs::create_directory(scratch.path() / "state");
  DaemonUnderLoad daemon({.program = settings.build_dir + "/cmd/slipwayd/slipwayd",
                          .database_url = database,
                          .engine_socket = engine.socket_path(),
                          .state_dir = scratch.path() / "state",
                          .starts = settings.in_flight},
                         "slipway.local/trivial:bench");
  require_equal_bodies(ground, daemon);
  std::fputs("create bodies of floor and slipwayd: equal but for names and labels\n", stderr);
  Figures figures;
  for (int round = 0; round < settings.rounds; ++round)
    measure_round(settings, ground, daemon, postmaster_of(database), engine.pid(), figures);
  measure_singles(settings, ground, daemon, figures);
  if (settings.statements) print_statements(database, settings.rounds * settings.count + settings.singles);
  const auto lines = lines_of(figures);
  std::fputs(table_of(lines).c_str(), stdout);
  std::ofstream(settings.json) << json_of(lines).dump(2) << '\n';
}

}  // namespace
}  // namespace slipway::bench

int main(int argc, char** argv) {
  slipway::bench::Settings settings;
  CLI::App app{"slipwayd beside the engine's own floor; needs root"};
  app.add_option("--build-dir", settings.build_dir, "where the programs are")->capture_default_str();
  app.add_option("--json", settings.json, "file for the figures")->capture_default_str();
  app.add_option("--rounds", settings.rounds)->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--count", settings.count, "executions a round")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--naive-count", settings.naive_count)->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--singles", settings.singles, "executions one at a time")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--in-flight", settings.in_flight)->check(CLI::Range(1, 64))->capture_default_str();
  app.add_flag("--statements", settings.statements,
               "print what Postgres did for one execution (pg_stat_statements)");
  CLI11_PARSE(app, argc, argv);
  try {
    slipway::bench::run(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 1;
  }
}

// slipway_store_bench: whole lives of executions on a durable private PostgreSQL, without an engine: what the
// control plane alone costs. At few lives in flight each write is a transaction of its own, as on a quiet
// node; at many, the writer coalesces. With --waiting: what a claim of 100 costs while so many rows wait.
// With
// --sizes: what ended executions take on disk, and how fast retention removes them.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <random>

#include "store/postgres/postgres_store.h"
#include "test/bench/process_cpu.h"
#include "test/support/postgres_server/postgres_server.h"

namespace slipway::bench {
namespace {

namespace asio = boost::asio;

struct Settings {
  int count = 2000;
  int in_flight = 4;
  int pool = 4;
  int waiting = 0;  ///< 0: whole lives instead
  int users = 10'000;
  int claims = 200;
  bool sizes = false;
  int input_bytes = 2;
  int output_bytes = 11;
  int log_bytes = 5;
};

/// As an engine reads them back.
constexpr const char* kLimits =
    R"({"apparmor":"docker-default","capDrop":["ALL"],"cgroupParent":"/slipway/6f1b1f6e-3a0e-4f54-9c0a-0c1d2e3f4a5b/slipway-019abf00-0000-7000-8000-000000000000-1","ipc":"private","logs":{"compress":"false","max-file":"3","max-size":"1048576","mode":"blocking"},"memory":536870912,"memorySwap":536870912,"nanoCpus":500000000,"network":"none","pids":128,"readonlyRootfs":true,"runtime":"runc","securityOpt":["no-new-privileges"],"tmpfs":{"/tmp":"rw,nosuid,nodev,noexec,mode=1777,size=67108864,nr_inodes=4096"},"ulimits":[{"Hard":0,"Name":"core","Soft":0},{"Hard":1024,"Name":"nofile","Soft":1024},{"Hard":67108864,"Name":"fsize","Soft":67108864}],"user":"65534:65534"})";

/// A JSON array of numbers with three decimals, of about so many bytes: compresses as data does, not as zeros
/// do.
std::string numbers(int bytes, std::uint32_t seed) {
  std::minstd_rand random(seed);
  std::string text = "[";
  while (static_cast<int>(text.size()) < bytes - 9)
    text += (text.size() > 1 ? "," : "") + std::to_string(random() % 9000 + 1000) + "." +
            std::to_string(random() % 900 + 100);
  return text + "]";
}

/// Lines as a program writes them, of about so many bytes.
std::string log_lines(int bytes, std::uint32_t seed) {
  std::minstd_rand random(seed);
  std::string text;
  while (static_cast<int>(text.size()) < bytes)
    text += "level=info step=" + std::to_string(random() % 1000) +
            " msg=\"window computed\" value=" + std::to_string(random()) + "\n";
  return text;
}

TimePoint now() { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

void written(const Result<bool>& result) {
  if (!result || !*result) throw std::runtime_error("a step did not fit");
}

store::Transition step(const Execution& e, Stage to, Reason reason) {
  return {.id = e.ref.execution, .claim = e.ref.claim, .from = e.stage, .to = to, .reason = reason};
}

asio::awaitable<void> live(store::Store& store, const Settings& settings, ExecutionId id) {
  auto row = must(co_await store.load(id));
  must(co_await store.load_input(id));
  auto intent = step(row, Stage::Launching, Reason::Starting);
  intent.unless_cancelled = true;
  intent.engine = "1@2";
  intent.container_id = std::string(64, 'a');
  intent.image_id = "sha256:" + std::string(64, 'b');
  intent.effective_limits = kLimits;
  intent.intent_at = now();
  written(co_await store.record(intent));
  row.stage = Stage::Launching;
  auto running = step(row, Stage::Running, Reason::Running);
  running.started_at = now();
  running.deadline_at = now() + std::chrono::minutes(5);
  written(co_await store.record(running));
  row = must(co_await store.load(id));
  static std::uint32_t seed = 0;
  store::Finish finish{.id = id,
                       .claim = row.ref.claim,
                       .from = Stage::Running,
                       .output = numbers(settings.output_bytes, ++seed)};
  finish.attempt = {.reason = Reason::Completed, .exit_code = 0, .started = true, .finished_at = now()};
  finish.attempt.logs.push_back(
      {.stream = LogChunk::Stream::Stdout, .at = now(), .bytes = log_lines(settings.log_bytes, seed)});
  written(co_await store.finish(finish));
  row.stage = Stage::Finished;
  written(co_await store.record(step(row, Stage::Cleaned, Reason::Completed)));
}

/// Decides what is new and keeps `in_flight` lives going until all have ended.
asio::awaitable<void> lead(store::Store& store, const Settings& settings, int& ended) {
  const auto executor = co_await asio::this_coro::executor;
  int claimed = 0;
  while (ended < settings.count) {
    const auto undecided = must(co_await store.list_undecided(500));
    std::vector<store::Decision> decisions;
    for (const auto& row : undecided)
      decisions.push_back({.id = row.id, .agent_revision = row.agent_revision, .timeout_seconds = 300});
    if (!decisions.empty()) must(co_await store.decide(decisions));
    const int free = settings.in_flight - (claimed - ended);
    if (free == 0) {
      asio::steady_timer pause(executor, std::chrono::microseconds(200));
      co_await pause.async_wait(asio::use_awaitable);
      continue;
    }
    const auto ids = must(co_await store.list_candidates(free));
    if (ids.empty()) continue;
    for (const auto& id : store::taken(must(co_await store.claim(ids)))) {
      ++claimed;
      asio::co_spawn(executor, live(store, settings, id), [&ended](const std::exception_ptr& failure) {
        if (failure) std::rethrow_exception(failure);
        ++ended;
      });
    }
  }
}

pid_t postmaster_pid(test::PostgresServer& server) {
  return std::stoi(
      test::Sql(server.url()).value("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"));
}

/// First decisions for all that is new.
asio::awaitable<void> decide_all(store::Store& store) {
  for (;;) {
    std::vector<store::Decision> decisions;
    for (const auto& row : must(co_await store.list_undecided(500)))
      decisions.push_back({.id = row.id, .agent_revision = row.agent_revision, .timeout_seconds = 300});
    if (decisions.empty()) co_return;
    must(co_await store.decide(decisions));
  }
}

/// Milliseconds that each of the claims took: the list of a hundred candidates and the claim of them,
/// durable.
asio::awaitable<void> claim_hundreds(store::Store& store, int claims, std::vector<double>& took) {
  for (int i = 0; i < claims; ++i) {
    const auto since = std::chrono::steady_clock::now();
    const auto ids = must(co_await store.list_candidates(100));
    const auto claimed = must(co_await store.claim(ids));
    took.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since).count());
    if (claimed.size() != 100) throw std::runtime_error("claimed " + std::to_string(claimed.size()));
  }
}

void drive(asio::io_context& io, asio::awaitable<void> work) {
  io.restart();
  asio::co_spawn(io, std::move(work), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
  io.run();
}

void run_claims(const Settings& settings) {
  test::PostgresServer server({.fsync = true, .settings = {{"shared_buffers", "256MB"}}});
  const auto url = server.create_migrated_database();
  test::Sql sql(url);
  sql.exec(
      R"(INSERT INTO slipway.agents (name, spec) VALUES ('echo', '{"image": "echo:1", "price": "0.05"}'))");
  sql.query(
      "INSERT INTO slipway.entitlements (user_id, agent, uses) SELECT 'u-' || i, 'echo', 1000000 FROM "
      "generate_series(0, $1::int - 1) i",
      {std::to_string(settings.users)});
  std::fprintf(stderr, "filling: %d rows of %d users\n", settings.waiting, settings.users);
  sql.query(
      "INSERT INTO slipway.executions (user_id, agent, input) SELECT 'u-' || (i % $2::int), 'echo', '{}' "
      "FROM generate_series(1, $1::int) i",
      {std::to_string(settings.waiting), std::to_string(settings.users)});
  asio::io_context io{1};
  store::PostgresStore store({.url = url, .node_name = "n1", .pool_size = settings.pool}, io.get_executor());
  asio::co_spawn(io, store.register_node({.name = "n1", .instance_id = "i-1", .slots = 100}),
                 [](const std::exception_ptr&, const auto&) {});
  io.run();
  drive(io, decide_all(store));
  sql.exec("VACUUM ANALYZE");
  std::vector<double> took;
  drive(io, claim_hundreds(store, settings.claims, took));
  std::ranges::sort(took);
  const auto quantile = [&](double q) {
    return took[std::min(took.size() - 1, static_cast<std::size_t>(q * static_cast<double>(took.size())))];
  };
  std::printf("%d claims of 100 among %d waiting of %d users: p50 %.1f ms, p99 %.1f ms\n", settings.claims,
              settings.waiting, settings.users, quantile(0.5), quantile(0.99));
}

/// Bytes of each table, and of all that an execution leaves: what goes with it, and what stays for the
/// ledger.
void print_sizes(test::Sql& sql, int count) {
  sql.query("VACUUM ANALYZE");
  std::printf("%-22s %10s %10s %10s %10s   MB per 100,000 executions\n", "table", "rows", "heap", "toast",
              "indexes");
  double total = 0;
  for (const auto& row : sql.query(R"(
         SELECT relname, reltuples::bigint, pg_relation_size(c.oid, 'main'),
                pg_table_size(c.oid) - pg_relation_size(c.oid, 'main'), pg_indexes_size(c.oid)
         FROM pg_class c WHERE relnamespace = 'slipway'::regnamespace AND relkind = 'r' AND reltuples > 100
         ORDER BY pg_total_relation_size(c.oid) DESC)")) {
    const auto megabytes = [&](std::size_t column) {
      return std::stod(*row[column]) / count * 100'000 / 1e6;
    };
    std::printf("%-22s %10s %10.1f %10.1f %10.1f\n", row[0]->c_str(), row[1]->c_str(), megabytes(2),
                megabytes(3), megabytes(4));
    total += megabytes(2) + megabytes(3) + megabytes(4);
  }
  std::printf("%-22s %10d %10.1f MB, %.1f KB an execution\n", "all", count, total, total / 100);
}

/// The owner's wish that they go at once, and retention's own batches until none is left.
asio::awaitable<void> retire_all(store::Store& store, int& gone) {
  for (int batch = 1; batch > 0; gone += batch) batch = static_cast<int>(must(co_await store.retire(1000)));
}

void run_retention(test::Sql& sql, store::Store& store, asio::io_context& io) {
  sql.exec("UPDATE slipway.executions SET ttl_seconds_after_finished = 0");
  const auto since = std::chrono::steady_clock::now();
  int gone = 0;
  drive(io, retire_all(store, gone));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
  std::printf("%d removed in batches of 1,000: %.0f/s\n", gone, gone / seconds);
}

void run(const Settings& settings) {
  test::PostgresServer server({.fsync = true});
  const auto url = server.create_migrated_database();
  test::Sql sql(url);
  sql.exec(R"(INSERT INTO slipway.agents (name, spec) VALUES ('echo', '{"image": "echo:1"}');
    INSERT INTO slipway.entitlements (user_id, agent) SELECT 'u-' || i, 'echo' FROM generate_series(0, 49) i)");
  asio::io_context io{1};
  store::PostgresStore store({.url = url, .node_name = "n1", .pool_size = settings.pool}, io.get_executor());
  asio::co_spawn(io, store.register_node({.name = "n1", .instance_id = "i-1", .slots = settings.in_flight}),
                 [](const std::exception_ptr&, const auto&) {});
  io.run();
  const auto input = numbers(settings.input_bytes, 1);
  sql.query(
      "INSERT INTO slipway.executions (user_id, agent, input) SELECT 'u-' || (i % 50), 'echo', $2::json "
      "FROM generate_series(1, $1::int) i",
      {std::to_string(settings.count), settings.input_bytes < 20 ? "{}" : input});
  const pid_t postgres = postmaster_pid(server);
  const double postgres_before = cpu_ms(postgres, true), own_before = cpu_ms(::getpid(), false);
  const auto since = std::chrono::steady_clock::now();
  int ended = 0;
  drive(io, lead(store, settings, ended));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
  std::printf("%d lives, %d in flight: %.0f/s, CPU a life: store %.2f ms, Postgres %.2f ms\n", settings.count,
              settings.in_flight, settings.count / seconds,
              (cpu_ms(::getpid(), false) - own_before) / settings.count,
              (cpu_ms(postgres, true) - postgres_before) / settings.count);
  if (!settings.sizes) return;
  std::puts("as written, with the room of rows' earlier versions, which later rows take:");
  print_sizes(sql, settings.count);
  sql.query("VACUUM FULL");
  std::puts("packed:");
  print_sizes(sql, settings.count);
  run_retention(sql, store, io);
  print_sizes(sql, settings.count);
}

}  // namespace
}  // namespace slipway::bench

int main(int argc, char** argv) {
  slipway::bench::Settings settings;
  CLI::App app{"whole lives of executions on a durable PostgreSQL, without an engine"};
  app.add_option("--count", settings.count)->check(CLI::Range(1, 1000000))->capture_default_str();
  app.add_option("--in-flight", settings.in_flight)->check(CLI::Range(1, 4096))->capture_default_str();
  app.add_option("--pool", settings.pool, "connections")->check(CLI::Range(2, 64))->capture_default_str();
  app.add_option("--waiting", settings.waiting, "measure claims of 100 while so many rows wait, instead")
      ->check(CLI::Range(1000, 1000000));
  app.add_option("--users", settings.users, "of the waiting rows")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--claims", settings.claims)->check(CLI::Range(1, 5000))->capture_default_str();
  app.add_flag("--sizes", settings.sizes,
               "what the ended ones take on disk, and how fast retention removes them");
  app.add_option("--input-bytes", settings.input_bytes)->check(CLI::Range(2, 1 << 20))->capture_default_str();
  app.add_option("--output-bytes", settings.output_bytes)
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str();
  app.add_option("--log-bytes", settings.log_bytes)->check(CLI::Range(1, 1 << 20))->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    settings.waiting > 0 ? slipway::bench::run_claims(settings) : slipway::bench::run(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 1;
  }
}

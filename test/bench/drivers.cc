#include "test/bench/drivers.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "runtime/docker/create_body.h"
#include "test/bench/scratch.h"

namespace slipway::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kInput = R"({"n":1})";
constexpr const char* kResult = "{\"ok\":true}\n";
constexpr int kRemovers = 2;

std::string next_name(const char* who) {
  static std::atomic<int> counter{0};
  char id[64];
  std::snprintf(id, sizeof id, "00000000-0000-7000-8000-%012d", ++counter);
  return std::string(who) + "-" + id;
}

nlohmann::json body_of(const Ground& ground, const std::string& name) {
  runtime::ContainerSpec spec;
  spec.ref = {.execution = name.substr(name.find('-') + 1),
              .attempt = 1,
              .claim = "00000000-0000-7000-8000-000000000000"};
  spec.image_id = ground.image_id;
  spec.command = {"/trivial"};
  spec.input = kInput;
  spec.limits = bench_limits();
  runtime::NodeBinding node;
  node.instance_id = "bench";
  // From the root of each hierarchy: a relative one would start at the engine's own cgroup.
  node.cgroup_parent = "/" + ground.cgroup_parent + "/" + name;
  node.runtime = ground.runtime;
  node.io.input = (ground.scratch / name / "input").string();
  node.io.output = (ground.scratch / name / "output").string();
  return runtime::create_body(spec, node);
}

void lay_out(const fs::path& directory) {
  fs::create_directories(directory / "input");
  fs::create_directory(directory / "output");
  fs::permissions(directory / "output", fs::perms::all);
  std::ofstream(directory / "input" / "input.json") << kInput;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string id_in(const std::string& answer) {
  return nlohmann::json::parse(answer).at("Id").get<std::string>();
}

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

void require_exit_zero(const std::string& answer) {
  require(nlohmann::json::parse(answer).at("StatusCode") == 0, "the workload failed");
}

class FloorDriver final : public Driver {
 public:
  FloorDriver(const Ground& ground, Remover& remover)
      : ground_(ground), remover_(remover), calls_(ground.socket), waits_(ground.socket) {}

  void run_one() override {
    const auto name = next_name("floor");
    const auto directory = ground_.scratch / name;
    lay_out(directory);
    const auto id = id_in(calls_.must("POST", "/containers/create?name=" + name, floor_body(ground_, name)));
    waits_.attach(id);
    waits_.arm("POST", "/containers/" + id + "/wait?condition=next-exit");
    calls_.must("POST", "/containers/" + id + "/start");
    require_exit_zero(waits_.finish());
    require(read_file(directory / "output" / "result.json") == kResult, "no result at /output");
    require(waits_.drain().find("done") != std::string::npos, "no log");
    remover_.add({id, directory, ground_.cgroup_parent + "/" + name});
  }

 private:
  const Ground& ground_;
  Remover& remover_;
  EngineClient calls_;
  EngineClient waits_;
};

class NaiveDriver final : public Driver {
 public:
  explicit NaiveDriver(const Ground& ground) : ground_(ground), calls_(ground.socket) {}

  void run_one() override {
    const auto name = next_name("naive");
    const auto id = id_in(calls_.must("POST", "/containers/create?name=" + name, naive_body(name)));
    calls_.must("POST", "/containers/" + id + "/start");
    require_exit_zero(calls_.must("POST", "/containers/" + id + "/wait"));
    const auto tar = calls_.must("GET", "/containers/" + id + "/archive?path=/output/result.json");
    require(tar.find(kResult) != std::string::npos, "no result in the archive");
    const auto logs = calls_.must("GET", "/containers/" + id + "/logs?stdout=1&stderr=1");
    require(logs.find("done") != std::string::npos, "no log");
    calls_.must("DELETE", "/containers/" + id + "?force=1&v=1");
  }

 private:
  /// The same limits, without what makes the floor: the network hook runs, and the result stays inside the
  /// container.
  std::string naive_body(const std::string& name) const {
    auto body = body_of(ground_, name);
    body.erase("NetworkDisabled");
    body["HostConfig"].erase("Mounts");
    body["HostConfig"].erase("CgroupParent");
    body["HostConfig"]["ReadonlyRootfs"] = false;
    return body.dump();
  }

  const Ground& ground_;
  EngineClient calls_;
};

/// Runs `count` executions over `in_flight` threads and passes on the first exception of any.
void run_all(int count, int in_flight, const std::function<std::unique_ptr<Driver>()>& make) {
  std::atomic<int> left{count};
  std::exception_ptr failure;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int i = 0; i < in_flight; ++i)
    threads.emplace_back([&] {
      try {
        for (auto driver = make(); left-- > 0;) driver->run_one();
      } catch (...) {
        left = 0;
        std::lock_guard lock(mutex);
        failure = std::current_exception();
      }
    });
  for (auto& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

double per_second(int count, Clock::time_point since) {
  return count / std::chrono::duration<double>(Clock::now() - since).count();
}

}  // namespace

Limits bench_limits() {
  Limits limits;
  limits.memory = 64LL << 20;
  limits.output = 1LL << 20;
  limits.scratch = 1LL << 20;
  return limits;
}

Remover::Remover(const Ground& ground, int threads) : ground_(ground) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

Remover::~Remover() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Remover::add(Leftover leftover) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(leftover));
  }
  wake_.notify_one();
}

void Remover::work() {
  EngineClient client(ground_.socket);
  for (std::unique_lock lock(mutex_);;) {
    wake_.wait(lock, [&] { return closing_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    client.call("DELETE", "/containers/" + next.container_id + "?force=1&v=1");
    std::error_code ignored;
    fs::remove_all(next.directory, ignored);
    remove_cgroup(next.cgroup);
    lock.lock();
  }
}

std::unique_ptr<Driver> floor_driver(const Ground& ground, Remover& remover) {
  return std::make_unique<FloorDriver>(ground, remover);
}
std::unique_ptr<Driver> naive_driver(const Ground& ground) { return std::make_unique<NaiveDriver>(ground); }

std::string floor_body(const Ground& ground, const std::string& name) { return body_of(ground, name).dump(); }

double floor_throughput(const Ground& ground, int count, int in_flight) {
  const auto since = Clock::now();
  {
    Remover remover(ground, kRemovers);
    run_all(count, in_flight, [&] { return floor_driver(ground, remover); });
  }
  return per_second(count, since);
}

double naive_throughput(const Ground& ground, int count, int in_flight) {
  const auto since = Clock::now();
  run_all(count, in_flight, [&] { return naive_driver(ground); });
  return per_second(count, since);
}

std::vector<double> floor_latencies(const Ground& ground, int count) {
  std::vector<double> milliseconds;
  for (int i = 0; i < count; ++i) {
    Remover remover(ground, 1);  // gone before the next one: the engine is idle again
    auto driver = floor_driver(ground, remover);
    const auto since = Clock::now();
    driver->run_one();
    milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - since).count());
  }
  return milliseconds;
}

}  // namespace slipway::bench

#include <nlohmann/json.hpp>

#include "test/runtime/docker_harness.h"
#include "test/runtime/runtime_conformance.h"

namespace slipway::runtime {
namespace {

using test::DockerEngine;

std::unique_ptr<DockerEngine> shared_engine;
std::string shared_image;

DockerEngine& engine() {
  if (!shared_engine) {
    shared_engine = std::make_unique<DockerEngine>();
    shared_image = shared_engine->import_image("agent:1");
  }
  return *shared_engine;
}

class EndEngine : public testing::Environment {
  void TearDown() override { shared_engine.reset(); }
};
const auto* const kEndEngine = testing::AddGlobalTestEnvironment(new EndEngine);

std::string script_of(Work work) {
  switch (work) {
    case Work::ExitWithResult:
      return "echo hello; printf '{\"answer\":42}' > /output/result.json";
    case Work::ExitThree:
      return "exit 3";
    case Work::SleepForever:
      return "trap 'exit 143' TERM; printf '{\"half\":true}' > /output/result.json; echo up; while :; do "
             "sleep 1000 & "
             "wait; done";
    case Work::IgnoreTerm:
      return "trap '' TERM; while :; do sleep 1000; done";
    case Work::NoSuchCommand:
      return "";
    case Work::ResultIsLink:
      return "ln -s /etc/passwd /output/result.json";
    case Work::ResultTooLarge:
      return "head -c 8388608 /dev/zero > /output/result.json; exit 0";
  }
  return "";
}

class DockerConformanceHarness : public RuntimeHarness {
 public:
  explicit DockerConformanceHarness(IoMode mode) : mode_(mode) {}
  ~DockerConformanceHarness() override {
    io_.restart();
    io_.run_for(std::chrono::milliseconds(200));
    pool_.join();
  }
  asio::io_context& io() override { return io_; }
  std::unique_ptr<ContainerRuntime> connect() override {
    std::filesystem::create_directories(engine().dir() + "/state");
    DockerOptions options{.socket_path = engine().socket_path(),
                          .state_dir = engine().dir() + "/state",
                          .instance_id = "conformance",
                          .io = mode_,
                          .cgroup_parent = engine().cgroup_parent(),
                          .pid_file = engine().pid_file()};
    return std::make_unique<DockerRuntime>(options, io_.get_executor(), pool_);
  }
  void turn() override {
    io_.restart();
    io_.run_one_for(std::chrono::milliseconds(10));
  }
  ContainerSpec spec(Work work) override {
    engine();
    ContainerSpec spec = shell_spec(shared_image, script_of(work));
    if (work == Work::NoSuchCommand) spec.command = {"/no/such/command"};
    return spec;
  }
  std::string known_image() override { return engine(), "agent:1"; }
  std::string unknown_image() override { return "unknown:1"; }
  bool has_fence() override { return mode_ == IoMode::Mount; }

  void occupy_name(const std::string& name) override {
    const nlohmann::json body = {{"Image", shared_image}, {"Cmd", {"/bin/true"}}};
    ASSERT_EQ(engine().request("POST", "/containers/create?name=" + name, body.dump()).status, 201);
  }
  bool exists(const std::string& name) override {
    return engine().request("GET", "/containers/" + name + "/json").status == 200;
  }
  void person_removes(const std::string& name) override {
    engine().request("DELETE", "/containers/" + name + "?force=1");
  }

 private:
  IoMode mode_;
  asio::io_context io_;
  asio::thread_pool pool_{2};
};

RuntimeHarnessFactory harness(IoMode mode) {
  return [mode] { return std::make_unique<DockerConformanceHarness>(mode); };
}
INSTANTIATE_TEST_SUITE_P(Mount, RuntimeConformance, testing::Values(harness(IoMode::Mount)));
INSTANTIATE_TEST_SUITE_P(Volume, RuntimeConformance, testing::Values(harness(IoMode::Volume)));

}  // namespace
}  // namespace slipway::runtime

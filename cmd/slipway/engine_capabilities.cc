#include "cmd/slipway/engine_capabilities.h"

#include <unistd.h>

#include <boost/asio/thread_pool.hpp>
#include <filesystem>

#include "cmd/slipway/dev_engine.h"
#include "runtime/docker/cgroup_names.h"
#include "runtime/docker/cgroups.h"
#include "runtime/docker/docker_runtime.h"
#include "runtime/host/host.h"

namespace slipway::cli {
namespace {

namespace asio = boost::asio;

Result<runtime::Capabilities> probe(const runtime::DockerOptions& options) {
  Result<runtime::Capabilities> answer = Error{ErrorClass::Retry, "the probe did not answer"};
  asio::io_context io;
  asio::thread_pool pool(1);
  runtime::DockerRuntime engine(options, io.get_executor(), pool);
  asio::co_spawn(io, engine.probe(), [&](std::exception_ptr error, Result<runtime::Capabilities> found) {
    if (!error) answer = std::move(found);
    io.stop();
  });
  io.run_for(std::chrono::seconds(60));
  pool.join();
  return answer;
}

}  // namespace

Result<runtime::Capabilities> engine_capabilities(const std::string& socket) {
  char directory[] = "/tmp/slipway-doctor-XXXXXX";
  if (::mkdtemp(directory) == nullptr)
    return Error{ErrorClass::StorageFull, "cannot make a directory in /tmp"};
  runtime::DockerOptions options;
  options.socket_path = socket;
  options.state_dir = directory;
  options.instance_id = "doctor-" + std::to_string(::getpid());
  auto answer = probe(options);
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  remove_cgroups("slipway/" + options.instance_id);
  const runtime::CgroupNames slices{options.cgroup_parent, options.instance_id, true};
  if (const auto made = runtime::Cgroups(runtime::posix_host()).exists(slices.root()); made && *made) {
    runtime::posix_host().stop_unit(slices.root_slice());
    remove_cgroups(slices.root().substr(1));
  }
  return answer;
}

}  // namespace slipway::cli

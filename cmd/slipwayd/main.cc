#include <cstdio>
#include <cstdlib>
#include <string>

#include "cmd/slipwayd/config.h"
#include "cmd/slipwayd/daemon.h"
#include "cmd/slipwayd/identity.h"
#include "logging/log.h"

namespace slipway {
namespace {

int run(int argc, char** argv) {
  auto read = read_config(argc, argv);
  if (!read) {
    std::fprintf(stderr, "slipwayd: %s\n", read.error().message.c_str());
    return 2;
  }
  if (const auto* printed = std::get_if<Printed>(&*read)) {
    std::fputs(printed->text.c_str(), stdout);
    return printed->exit_code;
  }
  auto& config = std::get<Config>(*read);
  auto identity = Identity::open(config.state_dir, config.node_name);
  if (!identity) {
    std::fprintf(stderr, "slipwayd: %s\n", identity.error().message.c_str());
    return 1;
  }
  logging::start(config.log_level);
  const auto reread = [argc, argv]() -> Result<Config> {
    auto again = read_config(argc, argv);
    if (!again) return again.error();
    return std::get<Config>(std::move(*again));
  };
  static Daemon daemon(std::move(config), std::move(*identity), reread);
  const int exit_code = daemon.run();
  logging::stop();
  // Ends as a crash would, which every promise covers: unwinding calls that are under way could only add ways
  // to go wrong.
  std::_Exit(exit_code);
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) { return slipway::run(argc, argv); }

#include <cstdio>

#include "manifests/samples/agent.h"
#include "manifests/samples/momentum/momentum.h"

int main(int argc, char** argv) {
  return slipway::samples::run_agent(argc, argv, [](const nlohmann::json& input) {
    auto result = slipway::samples::momentum(input);
    std::printf("%zu prices of %s at %s: %s, score %.3f\n", result["prices"].get<std::size_t>(),
                result["symbol"].get<std::string>().c_str(), result["timeframe"].get<std::string>().c_str(),
                result["signal"].get<std::string>().c_str(), result["score"].get<double>());
    return result;
  });
}

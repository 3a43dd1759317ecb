#include <cstdio>

#include "manifests/samples/agent.h"
#include "manifests/samples/keyphrases/keyphrases.h"

int main(int argc, char** argv) {
  return slipway::samples::run_agent(argc, argv, [](const nlohmann::json& input) {
    auto result = slipway::samples::keyphrases(input);
    std::printf("%zu words in %zu sentences\n", result["words"].get<std::size_t>(),
                result["sentences"].get<std::size_t>());
    for (const auto& term : result["terms"])
      std::printf("%8.2f  %s\n", term["score"].get<double>(), term["text"].get<std::string>().c_str());
    return result;
  });
}

#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace slipway::samples {

/// The input is not what this agent takes: one line on stderr and exit code 2.
struct BadInput : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Runs an agent as Slipway expects one: reads /input/input.json, writes /output/result.json, and answers
/// SIGTERM at once (a process that runs as PID 1 has no default action for it). The paths may be given as two
/// arguments instead. Exit codes: 0 done, 2 bad input, 3 the result could not be written, 143 terminated.
int run_agent(int argc, char** argv, const std::function<nlohmann::json(const nlohmann::json&)>& compute);

/// The member, checked; `fallback` when absent. Throws BadInput naming it.
std::string text_member(const nlohmann::json& input, const char* name, const char* fallback = nullptr);
int count_member(const nlohmann::json& input, const char* name, int fallback, int most);

/// A figure for people: six decimals are kept.
double rounded(double value);

}  // namespace slipway::samples

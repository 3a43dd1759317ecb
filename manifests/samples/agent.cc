#include "manifests/samples/agent.h"

#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace slipway::samples {
namespace {

constexpr int kBadInput = 2;
constexpr int kNotWritten = 3;
constexpr int kDeepest = 64;

extern "C" void terminated(int) {
  constexpr char kLine[] = "terminated\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kLine, sizeof kLine - 1);
  ::_exit(128 + SIGTERM);
}

nlohmann::json parse_input(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw BadInput("cannot open " + path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  auto shallow = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kDeepest) throw BadInput("input is nested deeper than 64 levels");
    return true;
  };
  auto input = nlohmann::json::parse(text, shallow, false);
  if (input.is_discarded()) throw BadInput("input is not JSON");
  if (!input.is_object()) throw BadInput("input must be an object");
  return input;
}

/// Whole or not at all: a reader never sees half a result.
bool write_result(const nlohmann::json& result, const std::string& path) {
  const std::string unfinished = path + ".part";
  std::ofstream file(unfinished, std::ios::binary);
  file << result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  file.close();
  return file && std::rename(unfinished.c_str(), path.c_str()) == 0;
}

}  // namespace

int run_agent(int argc, char** argv, const std::function<nlohmann::json(const nlohmann::json&)>& compute) {
  std::signal(SIGTERM, terminated);
  const std::string from = argc > 1 ? argv[1] : "/input/input.json";
  const std::string to = argc > 2 ? argv[2] : "/output/result.json";
  try {
    if (write_result(compute(parse_input(from)), to)) return 0;
  } catch (const BadInput& bad) {
    std::fprintf(stderr, "bad input: %s\n", bad.what());
    return kBadInput;
  }
  std::fprintf(stderr, "cannot write %s\n", to.c_str());
  return kNotWritten;
}

std::string text_member(const nlohmann::json& input, const char* name, const char* fallback) {
  const auto member = input.find(name);
  if (member == input.end() && fallback) return fallback;
  if (member == input.end()) throw BadInput(std::string("\"") + name + "\" is missing");
  if (!member->is_string() || member->get_ref<const std::string&>().empty())
    throw BadInput(std::string("\"") + name + "\" must be a non-empty string");
  return member->get<std::string>();
}

int count_member(const nlohmann::json& input, const char* name, int fallback, int most) {
  const auto member = input.find(name);
  if (member == input.end()) return fallback;
  const bool whole = member->is_number_integer();
  if (!whole || *member < 1 || *member > most)
    throw BadInput(std::string("\"") + name + "\" must be a whole number from 1 to " + std::to_string(most));
  return member->get<int>();
}

double rounded(double value) { return std::round(value * 1e6) / 1e6; }

}  // namespace slipway::samples

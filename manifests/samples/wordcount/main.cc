// Counts the words of {"text": "..."}.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

int main(int argc, char** argv) {
  std::signal(SIGTERM, [](int) { std::_Exit(143); });  // PID 1 without a handler would not hear it
  std::ifstream source(argc > 1 ? argv[1] : "/input/input.json");
  const auto input = nlohmann::json::parse(source, nullptr, false);
  if (!input.is_object() || !input.contains("text") || !input["text"].is_string()) {
    std::fputs("expected {\"text\": \"...\"}\n", stderr);
    return 2;
  }
  std::istringstream text(input["text"].get<std::string>());
  int words = 0;
  for (std::string word; text >> word;) ++words;
  std::printf("counted %d words\n", words);
  std::ofstream target(argc > 2 ? argv[2] : "/output/result.json");
  target << nlohmann::json{{"words", words}} << '\n';
  return target.flush() ? 0 : 1;
}

#include "test/fuzz/check_input.h"

#include "api/json_schema/json_schema.h"
#include "api/json_schema/limits.h"

namespace slipway::fuzz {
namespace {

using json_schema::Problem;

constexpr std::string_view kDivider = "\n---\n";

std::string check_problems(const std::vector<Problem>& problems, bool expected) {
  if (problems.empty() == expected) return expected ? "refused without a reason" : "accepted with a reason";
  if (problems.size() > json_schema::kMostProblems) return "more problems than the cap";
  for (const auto& problem : problems) {
    if (problem.message.empty()) return "a problem without a sentence";
    if (problem.message.size() > 2000 || problem.instance.size() > 2000 || problem.schema.size() > 9000)
      return "a problem of any length";
    for (char c : problem.message)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "a control character in a sentence";
  }
  return {};
}

}  // namespace

std::string check_input(std::string_view bytes) {
  const auto at = bytes.find(kDivider);
  const auto compiled = json_schema::compile_text(bytes.substr(0, at));
  if (auto broken = check_problems(compiled.problems, compiled.schema == nullptr); !broken.empty())
    return broken;
  if (compiled.schema == nullptr || at == std::string_view::npos) return {};
  const auto instance = bytes.substr(at + kDivider.size());
  const auto verdict = json_schema::validate_text(*compiled.schema, instance);
  if (verdict.valid && verdict.gave_up) return "valid, and yet given up";
  if (auto broken = check_problems(verdict.problems, !verdict.valid); !broken.empty()) return broken;
  const auto again = json_schema::validate_text(*compiled.schema, instance);
  return again.problems == verdict.problems ? "" : "two answers to one question";
}

}  // namespace slipway::fuzz

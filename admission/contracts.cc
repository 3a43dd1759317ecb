#include "admission/contracts.h"

#include "api/json_schema/strict_json.h"

namespace slipway::admission {
namespace {

constexpr std::size_t kMostKept = 512;  // past it all are dropped: which one is needed next nobody knows

std::string in_words(const json_schema::Problem& problem) {
  return (problem.instance.empty() ? "at the top" : "at " + problem.instance) + ": " + problem.message;
}

}  // namespace

ContractVerdict Contracts::check_input(const std::string& agent, int revision, const AgentSpec& spec,
                                       const std::string& text) {
  return check({{agent, revision}, Side::Input}, spec.input_schema, text);
}

ContractVerdict Contracts::check_output(const std::string& agent, int revision, const AgentSpec& spec,
                                        const std::string& text) {
  return check({{agent, revision}, Side::Output}, spec.output_schema, text);
}

ContractVerdict Contracts::check(const Key& key, const nlohmann::json& schema, const std::string& text) {
  if (auto problem = check_strict_json(text); !problem.empty()) return {.problem = std::move(problem)};
  if (schema.is_null()) return {};
  const auto compiled_schema = compiled(key, schema);
  if (!compiled_schema.schema)
    return {.problem = in_words(compiled_schema.problems.at(0)), .schema_broken = true};
  const auto verdict = json_schema::validate_text(*compiled_schema.schema, text);
  if (verdict.valid) return {};
  if (verdict.gave_up) return {.problem = "it is too large to be held to the schema"};
  return {.problem = in_words(verdict.problems.at(0)), .pointer = verdict.problems.at(0).instance};
}

json_schema::Compiled Contracts::compiled(const Key& key, const nlohmann::json& schema) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = kept_.find(key); found != kept_.end()) return found->second;
  }
  auto made = json_schema::compile(schema);  // perhaps twice at once, to the same end
  const std::lock_guard lock(mutex_);
  if (kept_.size() >= kMostKept) kept_.clear();
  kept_.insert_or_assign(key, made);
  return made;
}

}  // namespace slipway::admission

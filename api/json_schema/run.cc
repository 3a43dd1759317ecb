#include "api/json_schema/run.h"

#include "api/json_schema/limits.h"
#include "api/json_schema/sentences.h"
#include "api/json_schema/strict_json.h"
#include "api/json_schema/value.h"

namespace slipway::json_schema {

using nlohmann::json;

Verdict Run::verdict(const json& instance) {
  const bool ok = apply(schema_.root, instance, nullptr);
  if (gave_up_)
    return {false, true, {{"", "", "could not be checked: it takes more steps than are allowed"}}};
  return {ok, false, std::move(problems_)};
}

bool Run::apply(NodeId id, const json& value, Evaluated* out) {
  if (!spend(1)) return false;
  const auto& node = schema_.nodes[id];
  const auto outer = std::exchange(current_, id);
  const bool changes_scope = scope_.empty() || scope_.back() != node.resource;
  if (changes_scope) scope_.push_back(node.resource);
  ++depth_;
  Evaluated mine;
  const bool ok = apply_rules(node, value, out != nullptr || node.needs_evaluated ? &mine : nullptr);
  --depth_;
  if (changes_scope) scope_.pop_back();
  current_ = outer;
  if (!ok || out == nullptr || !spend(mine.places.size() / 8)) return ok;
  out->everything = out->everything || mine.everything;
  out->places.insert(out->places.end(), mine.places.begin(), mine.places.end());
  return true;
}

bool Run::apply_rules(const Node& node, const json& value, Evaluated* seen) {
  if (node.fixed) return *node.fixed || fail("", [] { return std::string("is not allowed here"); });
  if (depth_ > kDeepestNesting) gave_up_ = true;
  bool ok = !gave_up_;
  for (const auto& rule : node.rules) {
    const bool looks_back = std::holds_alternative<UnevaluatedItemsRule>(rule) ||
                            std::holds_alternative<UnevaluatedPropertiesRule>(rule);
    // What a failed keyword left unevaluated is no second mistake.
    if (settled(ok) || (looks_back && !ok)) break;
    if (!spend(1) || !std::visit([&](const auto& one) { return check(one, value, seen); }, rule)) ok = false;
  }
  return ok;
}

bool Run::try_apply(NodeId id, const json& value, Evaluated* out) {
  ++quiet_;
  const bool ok = apply(id, value, out);
  --quiet_;
  return ok;
}

bool Run::spend(std::uint64_t steps) {
  if (gave_up_ || steps > fuel_)
    gave_up_ = true;
  else
    fuel_ -= steps;
  return !gave_up_;
}

bool Run::matches(PatternId pattern, const std::string& text) {
  const auto& compiled = schema_.patterns[pattern];
  return spend(compiled.cost(text.size())) && compiled.matches(text);
}

void Run::report(const char* keyword, std::string message) {
  std::vector<std::string> tokens;
  tokens.reserve(path_.size());
  for (const auto& [key, index] : path_)
    tokens.push_back(key != nullptr ? pointer_token(*key) : "/" + std::to_string(index));
  const auto where = schema_.pointer(current_) + (*keyword == '\0' ? "" : pointer_token(keyword));
  problems_.push_back({join_pointer(tokens), where, std::move(message)});
  full_ = problems_.size() >= kMostProblems;
}

Verdict validate(const Schema& schema, const json& instance) {
  const auto weight = weigh(instance, kMostInstanceDepth);
  if (weight.too_deep)
    return {false, false, {{"", "", "nested deeper than " + std::to_string(kMostInstanceDepth) + " levels"}}};
  return Run(schema, kFuelBase + kFuelPerNode * weight.nodes + kFuelPerByte * weight.bytes).verdict(instance);
}

Verdict validate_text(const Schema& schema, std::string_view instance) {
  auto problem = check_strict_json(instance);
  if (!problem.empty()) return {false, false, {{"", "", std::move(problem)}}};
  return validate(schema, json::parse(instance));
}

}  // namespace slipway::json_schema

#include <algorithm>

#include "api/json_schema/run.h"
#include "api/json_schema/sentences.h"
#include "api/json_schema/value.h"

namespace slipway::json_schema {

using nlohmann::json;

bool Run::check(const ItemsRule& rule, const json& value, Evaluated* seen) {
  if (!value.is_array()) return true;
  const auto end = rule.rest ? value.size() : std::min(value.size(), rule.prefix.size());
  bool ok = true;
  for (std::size_t i = 0; i < end && !settled(ok); ++i) {
    const Inside inside(*this, i);
    const auto schema = i < rule.prefix.size() ? rule.prefix[i] : *rule.rest;
    if (!apply(schema, value[i], nullptr)) ok = false;
    if (seen != nullptr) seen->places.push_back(&value[i]);
  }
  if (seen != nullptr && rule.rest) seen->everything = true;
  return ok;
}

bool Run::check(const ContainsRule& rule, const json& value, Evaluated* seen) {
  if (!value.is_array()) return true;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < value.size() && !gave_up_; ++i) {
    const Inside inside(*this, i);
    if (!try_apply(rule.schema, value[i], nullptr)) continue;
    ++count;
    if (seen != nullptr && rule.evaluates)
      seen->places.push_back(&value[i]);
    else if (count >= rule.least && !rule.most)
      break;
  }
  if (count < rule.least)
    return fail(count == 0 || rule.least == 1 ? "contains" : "minContains", [&] {
      return "expected at least " + plural(rule.least, "item") + " of the kind asked for, got " +
             std::to_string(count);
    });
  if (!rule.most || count <= *rule.most) return !gave_up_;
  return fail("maxContains", [&] {
    return "expected at most " + plural(*rule.most, "item") + " of the kind asked for, got " +
           std::to_string(count);
  });
}

bool Run::check(const UniqueRule&, const json& value, Evaluated*) {
  if (!value.is_array()) return true;
  std::vector<std::pair<std::size_t, std::size_t>> hashes;
  std::uint64_t steps = value.size();
  for (std::size_t i = 0; i < value.size() && spend(std::exchange(steps, 0)); ++i)
    hashes.emplace_back(hash(value[i], steps), i);
  if (!spend(steps)) return false;
  std::ranges::sort(hashes);
  for (std::size_t i = 0; i < hashes.size(); ++i)
    for (auto j = i + 1; j < hashes.size() && hashes[j].first == hashes[i].first; ++j) {
      steps = 0;
      const bool same = equal(value[hashes[i].second], value[hashes[j].second], steps);
      if (!spend(steps)) return false;
      if (same)
        return fail("uniqueItems", [&] {
          return "expected no item twice, but items " + std::to_string(hashes[i].second) + " and " +
                 std::to_string(hashes[j].second) + " are equal";
        });
    }
  return true;
}

bool Run::check(const UnevaluatedItemsRule& rule, const json& value, Evaluated* seen) {
  if (!value.is_array() || seen->everything) return true;
  if (!spend(seen->places.size() / 8)) return false;
  std::ranges::sort(seen->places);
  bool ok = true;
  for (std::size_t i = 0; i < value.size() && !settled(ok); ++i) {
    if (std::ranges::binary_search(seen->places, &value[i])) continue;
    const Inside inside(*this, i);
    if (!apply(rule.schema, value[i], nullptr)) ok = false;
  }
  seen->everything = true;
  return ok;
}

}  // namespace slipway::json_schema

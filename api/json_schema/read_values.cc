#include <utility>

#include "api/json_schema/reader.h"
#include "api/json_schema/sentences.h"
#include "api/json_schema/value.h"

namespace slipway::json_schema {

using nlohmann::json;

namespace {

std::uint8_t type_bit(const json& name) {
  constexpr std::pair<const char*, TypeBit> kTypes[] = {
      {"null", kNull},     {"boolean", kBoolean}, {"integer", kInteger}, {"number", kNumber},
      {"string", kString}, {"array", kArray},     {"object", kObject}};
  for (const auto& [known, bit] : kTypes)
    if (name.is_string() && name.get_ref<const std::string&>() == known) return bit;
  return 0;
}

OneOfValuesRule values_rule(std::vector<json> values, bool is_const) {
  OneOfValuesRule rule;
  rule.values = std::move(values);
  rule.is_const = is_const;
  std::uint64_t steps = 0;
  for (std::size_t i = 0; i < rule.values.size(); ++i) rule.by_hash.emplace(hash(rule.values[i], steps), i);
  return rule;
}

}  // namespace

void Reader::read_types() {
  const auto* value = find("type");
  if (value == nullptr) return;
  TypeRule rule;
  bool known = !value->is_array() || !value->empty();
  const auto take = [&](const json& name) {
    const auto bit = type_bit(name);
    known = known && bit != 0;
    rule.bits = static_cast<std::uint8_t>(rule.bits | bit);
  };
  if (value->is_array()) {
    for (const auto& name : *value) take(name);
  } else {
    take(*value);
  }
  if (!known)
    fail("type",
         "expected null, boolean, integer, number, string, array or object, or a list of these, got " +
             quote(*value));
  add(rule);
}

void Reader::read_values() {
  if (const auto* value = find("enum")) {
    if (!value->is_array())
      fail("enum", "expected a list of values, got " + quote(*value));
    else
      add(values_rule(std::vector<json>(value->begin(), value->end()), false));
  }
  // A vector of one, made by hand: from braces it would become a list in a list.
  if (const auto* value = find("const")) {
    std::vector<json> only;
    only.push_back(*value);
    add(values_rule(std::move(only), true));
  }
}

void Reader::read_bounds() {
  constexpr std::pair<const char*, Bound> kBounds[] = {{"minimum", Bound::Minimum},
                                                       {"maximum", Bound::Maximum},
                                                       {"exclusiveMinimum", Bound::ExclusiveMinimum},
                                                       {"exclusiveMaximum", Bound::ExclusiveMaximum}};
  for (const auto& [keyword, bound] : kBounds) {
    const auto* value = find(keyword);
    if (value == nullptr) continue;
    if (!value->is_number())
      fail(keyword, "expected a number, got " + quote(*value));
    else
      add(BoundRule{bound, *value});
  }
  const auto* step = find("multipleOf");
  if (step == nullptr) return;
  const auto decimal = step->is_number() && compare_numbers(*step, 0) > 0 ? decimal_of(*step) : std::nullopt;
  if (!decimal)
    fail("multipleOf", "expected a number above 0, got " + quote(*step));
  else
    add(MultipleRule{*decimal, *step});
}

void Reader::read_text() {
  read_count("minLength", Counted::Characters, true);
  read_count("maxLength", Counted::Characters, false);
  read_count("minItems", Counted::Items, true);
  read_count("maxItems", Counted::Items, false);
  read_count("minProperties", Counted::Properties, true);
  read_count("maxProperties", Counted::Properties, false);
  if (const auto* pattern = text("pattern")) add(PatternRule{compiler_.pattern(*pattern, node_, "/pattern")});
  const auto* unique = find("uniqueItems");
  if (unique == nullptr) return;
  if (!unique->is_boolean())
    fail("uniqueItems", "expected true or false, got " + quote(*unique));
  else if (unique->get<bool>())
    add(UniqueRule{});
}

void Reader::read_count(const char* keyword, Counted counted, bool at_least) {
  if (const auto limit = count(keyword)) add(CountRule{counted, at_least, *limit});
}

}  // namespace slipway::json_schema

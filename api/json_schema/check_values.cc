#include <algorithm>

#include "api/json_schema/run.h"
#include "api/json_schema/sentences.h"
#include "api/json_schema/value.h"

namespace slipway::json_schema {

using nlohmann::json;

namespace {

std::uint8_t bits_of(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return kNull;
    case json::value_t::boolean:
      return kBoolean;
    case json::value_t::string:
      return kString;
    case json::value_t::array:
      return kArray;
    case json::value_t::object:
      return kObject;
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      return kInteger | kNumber;
    case json::value_t::number_float:
      return static_cast<std::uint8_t>(is_integer(value) ? kInteger | kNumber : kNumber);
    case json::value_t::binary:
    case json::value_t::discarded:
      return 0;
  }
  return 0;
}

bool within(Bound bound, std::partial_ordering order) {
  switch (bound) {
    case Bound::Minimum:
      return order >= 0;
    case Bound::Maximum:
      return order <= 0;
    case Bound::ExclusiveMinimum:
      return order > 0;
    case Bound::ExclusiveMaximum:
      return order < 0;
  }
  return false;
}

std::pair<const char*, const char*> words(Bound bound) {
  switch (bound) {
    case Bound::Minimum:
      return {"minimum", "at least "};
    case Bound::Maximum:
      return {"maximum", "at most "};
    case Bound::ExclusiveMinimum:
      return {"exclusiveMinimum", "more than "};
    case Bound::ExclusiveMaximum:
      return {"exclusiveMaximum", "less than "};
  }
  return {"", ""};
}

/// How a CountRule is written and said.
struct CountWords {
  const char* least;
  const char* most;
  const char* unit;
};

CountWords words(Counted counted) {
  switch (counted) {
    case Counted::Characters:
      return {"minLength", "maxLength", "character"};
    case Counted::Items:
      return {"minItems", "maxItems", "item"};
    case Counted::Properties:
      return {"minProperties", "maxProperties", "property"};
  }
  return {"", "", ""};
}

bool applies(Counted counted, const json& value) {
  switch (counted) {
    case Counted::Characters:
      return value.is_string();
    case Counted::Items:
      return value.is_array();
    case Counted::Properties:
      return value.is_object();
  }
  return false;
}

std::uint64_t size_of(const json& value) {
  if (!value.is_string()) return value.size();
  const auto& text = value.get_ref<const std::string&>();
  return static_cast<std::uint64_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string list_of(const std::vector<json>& values) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(values.size(), kShown); ++i)
    text += (i == 0 ? "" : ", ") + quote(values[i]);
  return values.size() > kShown ? text + ", ..." : text;
}

}  // namespace

bool Run::check(const TypeRule& rule, const json& value, Evaluated*) {
  if (rule.bits & bits_of(value)) return true;
  return fail("type", [&] { return "expected " + types_text(rule.bits) + ", got " + quote(value); });
}

bool Run::check(const OneOfValuesRule& rule, const json& value, Evaluated*) {
  std::uint64_t steps = 0;
  auto [at, end] = rule.by_hash.equal_range(hash(value, steps));
  bool found = false;
  for (; !found && at != end && spend(std::exchange(steps, 0)); ++at)
    found = equal(rule.values[at->second], value, steps);
  if (!spend(steps)) return false;
  if (found) return true;
  return fail(rule.is_const ? "const" : "enum", [&] {
    return (rule.values.size() == 1 ? "expected " : "expected one of ") + list_of(rule.values) + ", got " +
           quote(value);
  });
}

bool Run::check(const BoundRule& rule, const json& value, Evaluated*) {
  if (!value.is_number() || within(rule.bound, compare_numbers(value, rule.limit))) return true;
  const auto [keyword, sentence] = words(rule.bound);
  return fail(keyword, [&, said = sentence] {
    return std::string("expected ") + said + quote(rule.limit) + ", got " + quote(value);
  });
}

bool Run::check(const MultipleRule& rule, const json& value, Evaluated*) {
  if (!value.is_number()) return true;
  const auto decimal = decimal_of(value);
  if (decimal && is_multiple(*decimal, rule.step)) return true;
  return fail("multipleOf",
              [&] { return "expected a multiple of " + quote(rule.written) + ", got " + quote(value); });
}

bool Run::check(const CountRule& rule, const json& value, Evaluated*) {
  if (!applies(rule.counted, value)) return true;
  if (value.is_string() && !spend(value.get_ref<const std::string&>().size() / 64)) return false;
  const auto size = size_of(value);
  if (rule.at_least ? size >= rule.limit : size <= rule.limit) return true;
  const auto said = words(rule.counted);
  return fail(rule.at_least ? said.least : said.most, [&] {
    return std::string("expected at ") + (rule.at_least ? "least " : "most ") +
           plural(rule.limit, said.unit) + ", got " + std::to_string(size);
  });
}

bool Run::check(const PatternRule& rule, const json& value, Evaluated*) {
  if (!value.is_string() || matches(rule.pattern, value.get_ref<const std::string&>())) return true;
  return fail("pattern", [&] {
    return "expected a string that matches " +
           quote(std::string_view(schema_.patterns[rule.pattern].written())) + ", got " + quote(value);
  });
}

}  // namespace slipway::json_schema

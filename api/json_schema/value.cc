#include "api/json_schema/value.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "api/json_schema/number.h"

namespace slipway::json_schema {

using nlohmann::json;

namespace {

std::size_t mix(std::size_t seed, std::size_t value) {
  return (seed ^ value) * std::size_t{0x9E3779B97F4A7C15} + (seed >> 29);
}

std::size_t hash_number(const json& value) {
  // Whole numbers of 64 bits hash as integers, however they are written.
  if (value.is_number_unsigned()) return std::hash<std::uint64_t>{}(value.get<std::uint64_t>());
  if (value.is_number_integer())
    return std::hash<std::uint64_t>{}(static_cast<std::uint64_t>(value.get<std::int64_t>()));
  const auto number = value.get<double>();
  constexpr double kTwo63 = 9223372036854775808.0;
  if (is_integer(value) && number >= -kTwo63 && number < kTwo63)
    return std::hash<std::uint64_t>{}(static_cast<std::uint64_t>(static_cast<std::int64_t>(number)));
  if (is_integer(value) && number >= kTwo63 && number < 2 * kTwo63)
    return std::hash<std::uint64_t>{}(static_cast<std::uint64_t>(number));
  return std::hash<double>{}(number);
}

/// A list or object that is being walked.
struct Open {
  json::const_iterator next, end;
  bool is_object = false;
};

bool equal_objects(const json& left, const json& right, std::uint64_t& steps) {
  if (left.size() != right.size()) return false;
  auto other = right.begin();
  for (auto it = left.begin(); it != left.end(); ++it, ++other)  // both are sorted by key
    if (it.key() != other.key() || !equal(*it, *other, steps)) return false;
  return true;
}

}  // namespace

// The stack holds one place in each open object or array, not their members: a list may be long.
Weight weigh(const json& value, int most_depth) {
  Weight weight;
  std::vector<Open> open;
  const auto look = [&](const json& at) {
    ++weight.nodes;
    if (at.is_string()) weight.bytes += at.get_ref<const std::string&>().size();
    if (!at.is_structured()) return;
    open.push_back({at.begin(), at.end(), at.is_object()});
    weight.depth = std::max(weight.depth, static_cast<int>(open.size()));
    weight.too_deep = weight.depth > most_depth;
  };
  look(value);
  while (!open.empty() && !weight.too_deep) {
    auto& inner = open.back();
    if (inner.next == inner.end) {
      open.pop_back();
      continue;
    }
    if (inner.is_object) weight.bytes += inner.next.key().size();
    look(*inner.next++);  // which may move `inner` elsewhere
  }
  return weight;
}

bool equal(const json& left, const json& right, std::uint64_t& steps) {
  ++steps;
  if (left.is_number() && right.is_number()) return compare_numbers(left, right) == 0;
  if (left.type() != right.type()) return false;
  if (left.is_object()) return equal_objects(left, right, steps);
  if (!left.is_array()) {
    if (left.is_string()) steps += left.get_ref<const std::string&>().size() / 64;
    return left == right;
  }
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](const json& a, const json& b) { return equal(a, b, steps); });
}

std::size_t hash(const json& value, std::uint64_t& steps) {
  ++steps;
  if (value.is_number()) return hash_number(value);
  auto seed = static_cast<std::size_t>(value.type());
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    steps += text.size() / 64;
    return mix(seed, std::hash<std::string>{}(text));
  }
  if (value.is_boolean()) return mix(seed, value.get<bool>() ? 2 : 1);
  for (auto it = value.begin(); value.is_structured() && it != value.end(); ++it) {
    if (value.is_object()) seed = mix(seed, std::hash<std::string>{}(it.key()));
    seed = mix(seed, hash(*it, steps));
  }
  return seed;
}

}  // namespace slipway::json_schema

#include "api/fields.h"

#include <algorithm>
#include <set>

#include "api/quantity.h"

namespace slipway {

using nlohmann::json;

namespace {

// A number is read as if it had been written in quotes: `cpu: 2`, `memory: 65536` and `timeout: 300` are
// natural.
std::optional<std::string> scalar_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return value.dump();
  return std::nullopt;
}

std::string between(const std::string& low, const std::string& high) {
  return "between " + low + " and " + high;
}

}  // namespace

Fields::Fields(const json& object, std::string path, std::vector<FieldError>& errors)
    : object_(object), path_(std::move(path)), errors_(errors) {}

bool Fields::has(const std::string& key) const { return object_.contains(key) && !object_.at(key).is_null(); }

const json* Fields::take(const std::string& key) {
  known_.push_back(key);
  return has(key) ? &object_.at(key) : nullptr;
}

void Fields::fail(const std::string& key, std::string message) {
  errors_.push_back({join(path_, key), std::move(message)});
}

void Fields::expected(const std::string& key, const std::string& what, const json& got) {
  fail(key, "expected " + what + ", got " + describe(got));
}

void Fields::require(const std::string& key) {
  if (!has(key)) fail(key, "is required");
}

void Fields::refuse(const std::string& key, std::string why) {
  if (!object_.contains(key)) return;
  known_.push_back(key);
  fail(key, std::move(why));
}

void Fields::text(const std::string& key, std::string& target) {
  const auto* value = take(key);
  if (value == nullptr) return;
  if (!value->is_string()) return expected(key, "text", *value);
  if (value->get_ref<const std::string&>().find('\0') != std::string::npos)
    return fail(key, "must not hold a NUL character");
  target = value->get<std::string>();
}

void Fields::boolean(const std::string& key, bool& target) {
  const auto* value = take(key);
  if (value == nullptr) return;
  if (!value->is_boolean()) return expected(key, "true or false", *value);
  target = value->get<bool>();
}

void Fields::integer(const std::string& key, std::int64_t low, std::int64_t high, std::int64_t& target) {
  const auto* value = take(key);
  if (value == nullptr) return;
  const bool fits =
      value->is_number_integer() &&
      !(value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX));
  if (!fits || value->get<std::int64_t>() < low || value->get<std::int64_t>() > high) {
    return expected(key, "a whole number " + between(std::to_string(low), std::to_string(high)), *value);
  }
  target = value->get<std::int64_t>();
}

void Fields::integer(const std::string& key, std::int64_t low, std::int64_t high, int& target) {
  std::int64_t wide = target;
  integer(key, low, high, wide);
  target = static_cast<int>(wide);
}

void Fields::bytes(const std::string& key, std::int64_t low, std::int64_t high, std::int64_t& target) {
  const auto* value = take(key);
  if (value == nullptr) return;
  const auto parsed = parse_bytes(scalar_text(*value).value_or(""));
  if (!parsed) return expected(key, "a quantity of bytes such as 512Mi", *value);
  if (*parsed < low || *parsed > high) {
    return expected(key, "a quantity " + between(format_bytes(low), format_bytes(high)), *value);
  }
  target = *parsed;
}

void Fields::millicores(const std::string& key, std::int64_t low, std::int64_t high, std::int64_t& target) {
  const auto* value = take(key);
  if (value == nullptr) return;
  const auto parsed = parse_millicores(scalar_text(*value).value_or(""));
  if (!parsed) return expected(key, "a quantity of cores such as 500m or 2", *value);
  if (*parsed < low || *parsed > high) {
    return expected(key, "a quantity " + between(format_millicores(low), format_millicores(high)), *value);
  }
  target = *parsed;
}

void Fields::seconds(const std::string& key, std::chrono::seconds low, std::chrono::seconds high,
                     std::chrono::seconds& target) {
  const auto* value = take(key);
  if (value == nullptr) return;
  const auto parsed = parse_duration(scalar_text(*value).value_or(""));
  if (!parsed) return expected(key, "a duration such as 5m, 1h30m or whole seconds", *value);
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(*parsed);
  if (whole != *parsed) return expected(key, "a duration of whole seconds", *value);
  if (whole < low || whole > high) {
    return expected(key, "a duration " + between(format_duration(low), format_duration(high)), *value);
  }
  target = whole;
}

const json* Fields::object(const std::string& key) {
  const auto* value = take(key);
  if (value == nullptr || value->is_object()) return value;
  expected(key, "an object", *value);
  return nullptr;
}

const json* Fields::array(const std::string& key, std::size_t most) {
  const auto* value = take(key);
  if (value == nullptr) return nullptr;
  if (value->is_array() && value->size() <= most) return value;
  expected(key, value->is_array() ? "at most " + std::to_string(most) + " entries" : "a list", *value);
  return nullptr;
}

void Fields::texts(const std::string& key, std::size_t most, std::vector<std::string>& target) {
  const auto* list = array(key, most);
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto& entry = list->at(i);
    if (!entry.is_string()) {
      errors_.push_back({join(join(path_, key), i), "expected text, got " + describe(entry)});
    } else if (entry.get_ref<const std::string&>().find('\0') != std::string::npos) {
      errors_.push_back({join(join(path_, key), i), "must not hold a NUL character"});
    } else {
      target.push_back(entry.get<std::string>());
    }
  }
}

std::string Fields::unknown(const std::string& key) const {
  if (const auto meant = nearest(key, known_)) return "unknown field; did you mean \"" + *meant + "\"?";
  std::string names;
  for (const auto& name : std::set(known_.begin(), known_.end())) names += (names.empty() ? "" : ", ") + name;
  return "unknown field; expected one of " + names;
}

void Fields::finish() {
  std::size_t found = 0;
  for (const auto& [key, value] : object_.items()) {
    if (std::ranges::find(known_, key) != known_.end()) continue;
    if (++found > kMostUnknownFields) continue;
    fail(key, unknown(key));
  }
  if (found > kMostUnknownFields)
    errors_.push_back({path_, std::to_string(found - kMostUnknownFields) + " more unknown fields"});
}

}  // namespace slipway

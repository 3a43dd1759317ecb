#pragma once

#include <compare>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

namespace slipway::json_schema {

/// A whole number, however it was written: 1, 1.0, 1e3.
bool is_integer(const nlohmann::json& value);

/// The exact order of two numbers; a 64-bit integer is never rounded to a double.
std::partial_ordering compare_numbers(const nlohmann::json& left, const nlohmann::json& right);

/// |digits| × 10^exponent: what was written, not the binary fraction next to it. Signs do not matter to
/// divisibility.
struct Decimal {
  std::uint64_t digits = 0;
  int exponent = 0;
};
std::optional<Decimal> decimal_of(const nlohmann::json& number);

/// Exact, for every pair of numbers a double or a 64-bit integer can hold.
bool is_multiple(const Decimal& value, const Decimal& step);

/// A count as keywords state it: a whole number of 0 or more, also written 2.0.
std::optional<std::uint64_t> count_of(const nlohmann::json& value);

}  // namespace slipway::json_schema

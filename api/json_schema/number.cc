#include "api/json_schema/number.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace slipway::json_schema {

using nlohmann::json;

namespace {

using Wide = unsigned __int128;

constexpr double kTwo63 = 9223372036854775808.0;
constexpr double kTwo64 = 18446744073709551616.0;

// Against a double, an integer is compared with the double's whole part, and a tie is broken by the fraction.
template <class Integer>
std::partial_ordering compare_mixed(Integer left, double right, double low, double high) {
  if (std::isnan(right)) return std::partial_ordering::unordered;
  if (right < low) return std::partial_ordering::greater;
  if (right >= high) return std::partial_ordering::less;
  const double whole = std::floor(right);
  const auto order = left <=> static_cast<Integer>(whole);
  if (order != 0) return order;
  return whole < right ? std::partial_ordering::less : std::partial_ordering::equivalent;
}

std::partial_ordering compare_with_double(const json& left, double right) {
  if (left.is_number_float()) return left.get<double>() <=> right;
  if (left.is_number_unsigned()) return compare_mixed(left.get<std::uint64_t>(), right, 0.0, kTwo64);
  return compare_mixed(left.get<std::int64_t>(), right, -kTwo63, kTwo63);
}

std::partial_ordering compare_integers(const json& left, const json& right) {
  const auto less = [](const json& a, const json& b) {
    if (a.is_number_unsigned() && b.is_number_unsigned())
      return a.get<std::uint64_t>() < b.get<std::uint64_t>();
    if (a.is_number_unsigned()) return std::cmp_less(a.get<std::uint64_t>(), b.get<std::int64_t>());
    if (b.is_number_unsigned()) return std::cmp_less(a.get<std::int64_t>(), b.get<std::uint64_t>());
    return a.get<std::int64_t>() < b.get<std::int64_t>();
  };
  if (less(left, right)) return std::partial_ordering::less;
  return less(right, left) ? std::partial_ordering::greater : std::partial_ordering::equivalent;
}

std::partial_ordering reversed(std::partial_ordering order) { return 0 <=> order; }

// The shortest digits that read back as the same double are what its author wrote.
std::optional<Decimal> decimal_of_double(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  std::array<char, 64> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), std::fabs(value), std::chars_format::scientific)
          .ptr;
  Decimal found;
  const char* at = text.data();
  bool fraction = false;
  for (; at != end && *at != 'e'; ++at) {
    if (*at == '.') {
      fraction = true;
      continue;
    }
    found.digits = found.digits * 10 + static_cast<std::uint64_t>(*at - '0');
    if (fraction) --found.exponent;
  }
  int exponent = 0;
  if (at != end) std::from_chars(at + (at[1] == '+' ? 2 : 1), end, exponent);
  found.exponent += exponent;
  return found;
}

std::uint64_t power_of_ten_modulo(int exponent, std::uint64_t modulus) {
  Wide result = 1 % modulus;
  Wide base = 10 % modulus;
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result = result * base % modulus;
    base = base * base % modulus;
  }
  return static_cast<std::uint64_t>(result);
}

}  // namespace

bool is_integer(const json& value) {
  if (value.is_number_integer()) return true;
  if (!value.is_number_float()) return false;
  const auto number = value.get<double>();
  return std::isfinite(number) && std::floor(number) == number;
}

std::partial_ordering compare_numbers(const json& left, const json& right) {
  if (right.is_number_float()) return compare_with_double(left, right.get<double>());
  if (left.is_number_float()) return reversed(compare_with_double(right, left.get<double>()));
  return compare_integers(left, right);
}

std::optional<Decimal> decimal_of(const json& number) {
  if (number.is_number_float()) return decimal_of_double(number.get<double>());
  if (number.is_number_unsigned()) return Decimal{number.get<std::uint64_t>(), 0};
  const auto value = number.get<std::int64_t>();
  // Negated as unsigned: the lowest integer has no positive counterpart.
  const auto bits = static_cast<std::uint64_t>(value);
  return Decimal{value < 0 ? std::uint64_t{0} - bits : bits, 0};
}

bool is_multiple(const Decimal& value, const Decimal& step) {
  if (value.digits == 0) return true;
  if (step.digits == 0) return false;
  const int shift = value.exponent - step.exponent;
  if (shift >= 0) {
    const Wide rest = value.digits % step.digits;
    return rest * power_of_ten_modulo(shift, step.digits) % step.digits == 0;
  }
  Wide scaled = step.digits;
  for (int i = shift; i < 0; ++i) {
    scaled *= 10;
    if (scaled > value.digits) return false;
  }
  return value.digits % scaled == 0;
}

std::optional<std::uint64_t> count_of(const json& value) {
  if (!value.is_number() || !is_integer(value) || compare_numbers(value, 0) < 0) return std::nullopt;
  if (value.is_number_integer()) return value.get<std::uint64_t>();
  const auto number = value.get<double>();
  return number >= kTwo63 ? std::uint64_t{1} << 63 : static_cast<std::uint64_t>(number);
}

}  // namespace slipway::json_schema

#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

namespace slipway::json_schema {

/// How big a value is. Found without recursion, so that any value may be asked about; stops at the first
/// level deeper than `most_depth`.
struct Weight {
  std::uint64_t nodes = 0;  ///< values, of any kind
  std::uint64_t bytes = 0;  ///< of text
  int depth = 0;
  bool too_deep = false;
};
Weight weigh(const nlohmann::json& value, int most_depth);

/// Equality of JSON Schema: 1 and 1.0 are the same number, order of keys means nothing. `steps` is raised by
/// what it cost. Recursion as deep as the value.
bool equal(const nlohmann::json& left, const nlohmann::json& right, std::uint64_t& steps);

/// Equal values have equal hashes.
std::size_t hash(const nlohmann::json& value, std::uint64_t& steps);

}  // namespace slipway::json_schema

#pragma once

#include <cstddef>
#include <cstdint>

// What a stranger's schema or value may cost. A step is one schema or one keyword looked at, about 20 ns.
namespace slipway::json_schema {

constexpr std::size_t kMostSchemaBytes = std::size_t{256} << 10;
constexpr std::size_t kMostSchemaValues = 40'000;  ///< values in its JSON, of any kind
constexpr std::size_t kMostSubschemas = 4'096;
constexpr int kMostSchemaDepth = 64;     ///< levels of JSON in a schema
constexpr int kMostInstanceDepth = 128;  ///< levels of JSON in a value
constexpr std::size_t kMostProblems = 20;

/// Schemas that apply to one and the same value, all paths counted: what an allOf lattice makes explode.
constexpr std::uint64_t kMostInPlace = 50'000;
/// The longest chain of them, and the deepest nesting while validating: both are bounds on the stack.
constexpr std::size_t kDeepestInPlace = 128;
constexpr std::size_t kDeepestNesting = 512;

/// Fuel of one validation: a base, and more for every value, key and byte of text in the instance.
constexpr std::uint64_t kFuelBase = 250'000;
constexpr std::uint64_t kFuelPerNode = 16;
constexpr std::uint64_t kFuelPerByte = 1;

constexpr std::size_t kMostPatterns = 256;  ///< different ones in one schema
constexpr std::size_t kMostPatternBytes = 8192;
/// Instructions of all patterns of one schema: what their compilation costs, 1 to 3 µs each.
constexpr std::uint64_t kMostInstructions = 24'000;
/// Memory of all patterns of one schema, what matching caches included, shared among them within these
/// bounds.
constexpr std::int64_t kPatternMemory = std::int64_t{16} << 20;
constexpr std::int64_t kLeastPatternMemory = std::int64_t{64} << 10;
constexpr std::int64_t kMostPatternMemory = std::int64_t{2} << 20;

}  // namespace slipway::json_schema

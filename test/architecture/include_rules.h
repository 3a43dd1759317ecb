#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::architecture {

/// The room a path of the repository belongs to ("reconcilers/execution"), or empty: outside every room.
std::string room_of(std::string_view path);

/// Why this file may not hold this include line, or nothing. `include` is what stands between the quotes or
/// brackets.
std::optional<std::string> objection(std::string_view file, std::string_view include);

/// Every include of a source text, in order.
std::vector<std::string> includes_of(std::string_view text);

/// The line of every `default:` that ends a switch over one of our enums.
std::vector<int> defaults_over_enums(std::string_view text);

/// Every source file of the repository, relative to its root.
std::vector<std::string> source_files(const std::filesystem::path& root);

}  // namespace slipway::architecture

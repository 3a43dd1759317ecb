#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

/// Where a text goes beyond what is read, and how.
struct YamlBreach {
  std::size_t offset = 0;  ///< in bytes
  std::string message;
};

/// Looks at nothing but the marks of YAML (brackets, quotes, indentation) and so answers within a few
/// milliseconds for any text: the parser reads to the end of a line before it says a word of it, and would
/// spend a second on one that opens a million lists. Nothing for a text within the caps of api/yaml.h; of one
/// that is not YAML at all, the parser says why.
std::optional<YamlBreach> find_breach(std::string_view text);

}  // namespace slipway

#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

/// A place in a text, counted from 1 as editors do; columns in characters.
struct SourcePlace {
  int line = 1;
  int column = 1;
  bool operator==(const SourcePlace&) const = default;
};

/// What is wrong, where: "agents.yaml:7:12: spec.timeout: expected a duration such as 5m, got \"soon\"".
struct SourceError {
  std::string file;
  SourcePlace place;
  std::string path;  ///< empty when the text itself is malformed, or the document is meant
  std::string message;
};
std::string to_string(const SourceError& error);

/// One document as JSON, and where each of its fields was written.
struct YamlDocument {
  std::string file;
  nlohmann::json value;
  SourcePlace start;
  /// Paths as `join` of api/fields.h writes them → the field's key, or the entry of a list. At most
  /// kMostPlaceBytes of them.
  std::map<std::string, SourcePlace> places;

  /// Where `path` stands; for a field that is absent, where its nearest parent stands.
  SourcePlace place_of(std::string path) const;
};

struct YamlFile {
  std::vector<YamlDocument>
      documents;  ///< in order, empty ones left out; to be used only when there are no errors
  std::vector<SourceError> errors;
};

inline constexpr std::size_t kMostYamlBytes = 4 << 20;
inline constexpr std::size_t kMostYamlNodes = 150'000;
inline constexpr std::size_t kMostYamlDepth = 64;
inline constexpr std::size_t kMostYamlDocuments = 10'000;
inline constexpr std::size_t kMostYamlKeyBytes = 1024;
inline constexpr std::size_t kMostYamlTextBytes = 2 << 20;
inline constexpr std::size_t kMostYamlErrors = 100;  ///< of one file; reading stops there
/// Of the paths whose places are kept; what stands beyond is told at its nearest parent's place.
inline constexpr std::size_t kMostPlaceBytes = 2 << 20;

/// Reads YAML 1.2 (and so JSON) straight to JSON: `no` is text, `010` is ten. Anchors, aliases, merge keys,
/// duplicate keys, tags, keys that are no text and numbers without a JSON form are errors, and so is anything
/// over the caps above. `file` is what errors call the text. Never throws.
YamlFile parse_yaml(std::string_view text, const std::string& file);

}  // namespace slipway

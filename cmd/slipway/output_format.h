#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cmd/slipway/jsonpath.h"

namespace slipway::cli {

/// What `-o` asked for.
struct OutputFormat {
  enum class Shape { Table, Wide, Json, Yaml, Name, Path };
  Shape shape = Shape::Table;
  std::optional<JsonPath> path;  ///< of Path

  bool is_table() const { return shape == Shape::Table || shape == Shape::Wide; }
  /// Whether input and output of executions are shown.
  bool shows_payload() const;
};
/// Usage error for anything but table, wide, json, yaml, name and jsonpath=….
OutputFormat parse_output_format(const std::string& text);

/// The documents in a shape that is no table, as stdout may see it. `single`: the one object that was named,
/// where several would be a List.
std::string render_plain(const OutputFormat& format, const std::vector<nlohmann::json>& documents,
                         bool single);

/// "execution/morning-run"
std::string slash_name(const nlohmann::json& document);

/// Stable, by what stands at the path; documents without it come first. Numbers by value, all else as text.
void sort_documents(const Path& path, std::vector<nlohmann::json>& documents);

}  // namespace slipway::cli

#include "cmd/slipway/output_format.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "api/fields.h"
#include "api/kinds.h"
#include "cmd/slipway/kinds_by_name.h"
#include "cmd/slipway/table.h"
#include "cmd/slipway/terminal.h"
#include "cmd/slipway/yaml_writer.h"

namespace slipway::cli {

using nlohmann::json;
using Shape = OutputFormat::Shape;

namespace {

std::string render_names(const std::vector<json>& documents) {
  std::string out;
  for (const auto& document : documents) out += printable(slash_name(document)) + "\n";
  return out;
}

// Documents behind each other, and not a List: `apply -f` takes them back as they are.
std::string render_yaml(const std::vector<json>& documents) {
  std::string out;
  for (const auto& document : documents) out += (out.empty() ? "" : "---\n") + write_yaml(document);
  return for_stream(out, STDOUT_FILENO);
}

json root_of(const std::vector<json>& documents, bool single) {
  if (single) return documents.front();
  return {{"apiVersion", kApiVersion}, {"kind", "List"}, {"items", documents}};
}

bool before(const json* a, const json* b) {
  if (a == nullptr || b == nullptr) return a == nullptr && b != nullptr;
  if (a->is_number() && b->is_number()) return a->get<double>() < b->get<double>();
  return text_of(*a) < text_of(*b);
}

}  // namespace

bool OutputFormat::shows_payload() const {
  return shape == Shape::Json || shape == Shape::Yaml || (path && path->shows_payload());
}

OutputFormat parse_output_format(const std::string& text) {
  if (text.starts_with("jsonpath=")) {
    auto path = JsonPath::parse(text.substr(9));
    if (!path) throw CLI::ValidationError("--output", path.error().message);
    return {Shape::Path, std::move(*path)};
  }
  struct Row {
    const char* name;
    Shape shape;
  };
  for (const auto& row : {Row{"table", Shape::Table}, Row{"wide", Shape::Wide}, Row{"json", Shape::Json},
                          Row{"yaml", Shape::Yaml}, Row{"name", Shape::Name}}) {
    if (text == row.name) return {row.shape, std::nullopt};
  }
  throw CLI::ValidationError(
      "--output", "expected table, wide, json, yaml, name or jsonpath={…}, got " + describe(json(text)));
}

std::string render_plain(const OutputFormat& format, const std::vector<json>& documents, bool single) {
  switch (format.shape) {
    case Shape::Table:
    case Shape::Wide:
      return "";
    case Shape::Name:
      return render_names(documents);
    case Shape::Yaml:
      return render_yaml(documents);
    case Shape::Json:
      return for_stream(root_of(documents, single).dump(2, ' ', false, json::error_handler_t::replace) + "\n",
                        STDOUT_FILENO);
    case Shape::Path:
      return for_stream(format.path->render(root_of(documents, single)), STDOUT_FILENO);
  }
  return "";
}

std::string slash_name(const json& document) {
  const auto table = find_table(document.value("kind", ""));
  return (table ? std::string(singular_of(*table)) + "/" : "") + name_of(document);
}

void sort_documents(const Path& path, std::vector<json>& documents) {
  std::vector<std::pair<const json*, std::size_t>> keys;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const auto found = follow_path(path, documents[i]);
    keys.emplace_back(found.empty() ? nullptr : found.front(), i);
  }
  std::ranges::sort(keys, [](const auto& a, const auto& b) {
    if (before(a.first, b.first)) return true;
    return !before(b.first, a.first) && a.second < b.second;
  });
  std::vector<json> sorted;
  for (const auto& [ignored, i] : keys) sorted.push_back(documents[i]);
  documents = std::move(sorted);
}

}  // namespace slipway::cli

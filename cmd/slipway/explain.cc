#include "cmd/slipway/explain.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "api/fields.h"
#include "api/kinds.h"
#include "api/quantity.h"
#include "api/schemas/kind_schemas.h"
#include "api/yaml_scalar.h"

namespace slipway::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kWidth = 80;

struct Field {
  std::string name;
  ordered_json schema;
  bool required = false;
};

// The fields of an object, or of the entries of a list.
std::vector<Field> fields_of(const ordered_json& schema) {
  const auto& object = schema.contains("items") ? schema["items"] : schema;
  std::vector<Field> fields;
  if (!object.contains("properties")) return fields;
  const auto required = object.value("required", std::vector<std::string>());
  for (const auto& [name, field] : object["properties"].items())
    fields.push_back({name, field, std::ranges::find(required, name) != required.end()});
  return fields;
}

std::string type_of(const ordered_json& schema) {
  const auto ours = schema.value("x-slipway-type", "");
  if (!ours.empty()) return ours == "schema" ? "JSON Schema" : ours;
  const auto type = schema.value("type", "any");
  if (type == "array") return "[]" + type_of(schema["items"]);
  if (type != "object") return type;
  return schema.contains("properties") ? "Object" : "map[string]" + type_of(schema["additionalProperties"]);
}

// A bound as a person would write it in the field.
std::string bound(const ordered_json& schema, const char* keyword) {
  const auto ours = schema.value("x-slipway-type", "");
  const auto& value = schema[keyword];
  if (ours == "bytes") return format_bytes(value.get<std::int64_t>());
  if (ours == "duration") return format_duration(std::chrono::seconds(value.get<std::int64_t>()));
  if (ours == "cores") return format_millicores(std::llround(value.get<double>() * 1000));
  return value.dump();
}

// As it is written in a file: text that YAML would take for something else in quotes.
std::string shown(const ordered_json& value) {
  if (!value.is_string()) return value.dump();
  const auto text = value.get<std::string>();
  const auto read = resolve_plain_scalar(text);
  return read && read->is_string() ? text : value.dump();
}

std::string bounds(const ordered_json& schema) {
  if (schema.contains("enum")) {
    std::string names;
    for (const auto& name : schema["enum"]) names += (names.empty() ? "" : ", ") + shown(name);
    return names;
  }
  if (!schema.contains("minimum")) return "";
  return bound(schema, "minimum") + " to " + bound(schema, "maximum");
}

std::string wrap(const std::string& text, std::size_t indent) {
  std::string out;
  std::string line;
  const auto flush = [&] { out += std::string(indent, ' ') + std::exchange(line, "") + "\n"; };
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    const auto word = text.substr(at, end - at);
    if (!line.empty() && indent + line.size() + 1 + word.size() > kWidth) flush();
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  if (!line.empty()) flush();
  return out;
}

// What there is to say of a field beside its description.
std::string facts(const ordered_json& schema) {
  std::string out;
  if (const auto range = bounds(schema); !range.empty())
    out += std::string("  ") + (schema.contains("enum") ? "one of: " : "range: ") + range + "\n";
  if (schema.contains("default")) out += "  default: " + shown(schema["default"]) + "\n";
  if (schema.contains("examples")) out += "  example: " + shown(schema["examples"][0]) + "\n";
  return out;
}

std::string indented(const std::string& lines, std::size_t indent) {
  std::string out;
  for (std::size_t at = 0; at < lines.size();) {
    const auto end = lines.find('\n', at);
    out += std::string(indent, ' ') + lines.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return out;
}

std::string heading(const Field& field) {
  return field.name + " <" + type_of(field.schema) + ">" + (field.required ? " -required-" : "");
}

std::string tree(const ordered_json& schema, std::size_t indent) {
  std::string out;
  for (const auto& field : fields_of(schema))
    out += std::string(indent, ' ') + heading(field) + "\n" + tree(field.schema, indent + 2);
  return out;
}

std::string list(const ordered_json& schema) {
  std::string out;
  for (const auto& field : fields_of(schema)) {
    out += (out.empty() ? "  " : "\n  ") + heading(field) + "\n" +
           wrap(field.schema.value("description", ""), 4);
  }
  return out;
}

// "agents", "Agent" and "agent" are one.
Result<Field> kind_from(std::string name) {
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::vector<std::string> known;
  for (const auto& [kind, text] : schemas::kind_schemas()) {
    if (name == kind || name == std::string(kind) + "s")
      return Field{std::string(kind), ordered_json::parse(text), false};
    known.emplace_back(kind);
  }
  const auto meant = nearest(name, known);
  return Error{ErrorClass::Invalid, "expected agent, entitlement, quota or execution, got " + describe(name) +
                                        (meant ? "; did you mean \"" + *meant + "\"?" : "")};
}

Error unknown_field(const std::string& parent, const std::string& name, const std::vector<Field>& fields) {
  std::vector<std::string> known;
  std::string names;
  for (const auto& field : fields) {
    known.push_back(field.name);
    names += (names.empty() ? "" : ", ") + field.name;
  }
  const auto meant = nearest(name, known);
  std::string rest = "it has no fields";
  if (meant) {
    rest = "did you mean \"" + *meant + "\"?";
  } else if (!names.empty()) {
    rest = "expected one of " + names;
  }
  return {ErrorClass::Invalid, parent + " has no field " + describe(name) + "; " + rest};
}

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('.', at), path.size());
    parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string render(const std::string& kind, const Field& field, bool at_root, bool recursive) {
  auto out = "KIND:     " + kind + "\nVERSION:  " + std::string(kApiVersion) + "\n\n";
  if (!at_root) out += "FIELD:    " + heading(field) + "\n\n";
  out += "DESCRIPTION:\n" + wrap(field.schema.value("description", ""), 4);
  if (!at_root) out += indented(facts(field.schema), 4);
  const auto below = recursive ? tree(field.schema, 2) : list(field.schema);
  return below.empty() ? out : out + "\nFIELDS:\n" + below;
}

std::string rows(const ordered_json& schema, const std::string& path) {
  std::string out;
  for (const auto& field : fields_of(schema)) {
    const auto at = path.empty() ? field.name : path + "." + field.name;
    const auto fallback = field.schema.contains("default") ? "`" + shown(field.schema["default"]) + "`" : "";
    out += "| `" + at + "` | " + type_of(field.schema) + (field.required ? ", required" : "") + " | " +
           fallback + " | " + bounds(field.schema) + " | " + field.schema.value("description", "") + " |\n";
    out += rows(field.schema, at + (field.schema.contains("items") ? "[]" : ""));
  }
  return out;
}

}  // namespace

Result<std::string> explain(const std::string& path, bool recursive) {
  const auto parts = split(path);
  const auto root = kind_from(parts.front());
  if (!root) return root.error();
  Field field = *root;
  std::string walked = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto fields = fields_of(field.schema);
    const auto found = std::ranges::find(fields, parts[i], &Field::name);
    if (found == fields.end()) return unknown_field(walked, parts[i], fields);
    field = *found;
    walked += "." + parts[i];
  }
  return render(root->schema["title"].get<std::string>(), field, parts.size() == 1, recursive);
}

std::string reference_page() {
  std::string page =
      "# The kinds\n\n<!-- Written by `slipway explain --markdown > docs/reference.md` from "
      "api/schemas/kinds; a test compares. "
      "-->\n\n"
      "Every field of every document. [yaml.md](yaml.md) says how documents are written and applied; "
      "`slipway explain "
      "agent.spec` shows the\nsame in a terminal, and [api/schemas/kinds](../api/schemas/kinds) holds it as "
      "JSON Schema for "
      "editors.\n";
  for (const auto& [kind, text] : schemas::kind_schemas()) {
    const auto schema = ordered_json::parse(text);
    page += "\n## " + schema["title"].get<std::string>() + "\n\n" + schema["description"].get<std::string>() +
            "\n\n| field | type | default | range | |\n|---|---|---|---|---|\n" + rows(schema, "");
  }
  return page;
}

}  // namespace slipway::cli

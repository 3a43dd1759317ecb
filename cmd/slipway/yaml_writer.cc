#include "cmd/slipway/yaml_writer.h"

#include <algorithm>
#include <vector>

#include "api/yaml_scalar.h"

namespace slipway::cli {

using nlohmann::json;

namespace {

bool is_plain(const std::string& text) {
  if (text.empty() || text.size() > 200 || text.back() == ' ' || text.back() == ':') return false;
  const auto simple = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(" _./-+@,()").find(c) != std::string_view::npos;
  };
  const auto first = text.front();
  const bool word = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '/';
  const auto resolved = resolve_plain_scalar(text);
  return word && std::ranges::all_of(text, simple) && resolved && resolved->is_string();
}

// A JSON string is a double-quoted YAML scalar.
std::string scalar(const json& value) {
  if (value.is_string() && is_plain(value.get_ref<const std::string&>())) return value.get<std::string>();
  auto text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  // JSON has this one raw, and YAML has not.
  for (auto at = text.find('\x7f'); at != std::string::npos; at = text.find('\x7f', at))
    text.replace(at, 1, "\\u007f");
  return text;
}

int rank(const std::string& key) {
  static const std::vector<std::string> order = {"apiVersion", "kind", "metadata", "spec", "status"};
  return static_cast<int>(std::ranges::find(order, key) - order.begin());
}

void write(const json& value, std::size_t indent, std::string& out);

void write_child(const json& value, std::size_t indent, std::string& out) {
  if (value.is_structured() && !value.empty()) {
    out += "\n";
    write(value, indent, out);
  } else {
    out += " " + scalar(value) + "\n";
  }
}

void write_entry(const json& entry, std::size_t indent, std::string& out) {
  const std::string margin(indent, ' ');
  if (!entry.is_structured() || entry.empty()) {
    out += margin + "- " + scalar(entry) + "\n";
    return;
  }
  // The first line of the entry moves up behind its dash.
  std::string nested;
  write(entry, indent + 2, nested);
  out += margin + "- " + nested.substr(indent + 2);
}

void write(const json& value, std::size_t indent, std::string& out) {
  if (value.is_array()) {
    for (const auto& entry : value) write_entry(entry, indent, out);
    return;
  }
  std::vector<std::string> keys;
  for (const auto& [key, ignored] : value.items()) keys.push_back(key);
  std::ranges::sort(keys, {}, [](const std::string& key) { return std::pair(rank(key), key); });
  for (const auto& key : keys) {
    out += std::string(indent, ' ') + scalar(json(key)) + ":";
    write_child(value.at(key), indent + 2, out);
  }
}

}  // namespace

std::string write_yaml(const json& value) {
  std::string out;
  if (!value.is_structured() || value.empty()) return scalar(value) + "\n";
  write(value, 0, out);
  return out;
}

}  // namespace slipway::cli

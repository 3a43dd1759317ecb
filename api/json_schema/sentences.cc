#include "api/json_schema/sentences.h"

#include <algorithm>
#include <utility>

#include "api/json_schema/rules.h"

namespace slipway::json_schema {

using nlohmann::json;

namespace {

constexpr std::size_t kMostPointer = 1024;
constexpr std::size_t kMostQuoted = 48;

// Never inside a character: a byte of the form 10xxxxxx continues one.
std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return text.substr(0, most);
}

}  // namespace

std::string quote(std::string_view text) {
  const auto shown = cut(text, kMostQuoted);
  auto quoted = json(std::string(shown)).dump(-1, ' ', true, json::error_handler_t::replace);
  // DEL is no control character to JSON, but it is to a terminal.
  for (auto at = quoted.find('\x7f'); at != std::string::npos; at = quoted.find('\x7f'))
    quoted.replace(at, 1, "\\u007f");
  return shown.size() < text.size() ? quoted + "..." : quoted;
}

std::string quote(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list of " + std::to_string(value.size());
  if (value.is_string()) return quote(std::string_view(value.get_ref<const std::string&>()));
  return value.dump();
}

std::string types_text(std::uint8_t bits) {
  constexpr std::pair<TypeBit, const char*> kNames[] = {
      {kNull, "null"},       {kBoolean, "true or false"}, {kInteger, "a whole number"}, {kNumber, "a number"},
      {kString, "a string"}, {kArray, "a list"},          {kObject, "an object"}};
  std::string text;
  for (const auto& [bit, name] : kNames)
    if (bits & bit) text += (text.empty() ? "" : " or ") + std::string(name);
  return text.empty() ? "nothing" : text;
}

std::string plural(std::uint64_t count, std::string_view singular) {
  auto text = std::to_string(count) + " " + std::string(singular);
  if (count == 1) return text;
  if (!singular.ends_with("y")) return text + "s";
  text.pop_back();
  return text + "ies";
}

std::string pointer_token(std::string_view key) {
  std::string token = "/";
  for (char c : key) {
    if (c == '~')
      token += "~0";
    else if (c == '/')
      token += "~1";
    else
      token += c;
  }
  return token;
}

std::string join_pointer(const std::vector<std::string>& tokens) {
  std::string text;
  for (const auto& token : tokens) {
    if (text.size() + token.size() > kMostPointer)
      return text + std::string(cut(token, kMostPointer - text.size())) + "...";
    text += token;
  }
  return text;
}

std::string Schema::pointer(NodeId node) const {
  const auto& document = resources[nodes[node].resource].document;
  std::vector<std::string> tokens;
  for (; nodes[node].parent != node; node = nodes[node].parent) tokens.push_back(nodes[node].token);
  std::reverse(tokens.begin(), tokens.end());
  return (document.empty() ? "" : document + "#") + join_pointer(tokens);
}

}  // namespace slipway::json_schema

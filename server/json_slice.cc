#include "server/json_slice.h"

#include <nlohmann/json.hpp>

namespace slipway::server {
namespace {

/// Walks over well-formed JSON; never past its end, should it not be.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  void space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  bool take(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view string() {
    space();
    const auto start = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_ + 1, text_.size());
    return text_.substr(start, at_ - start);
  }
  std::string_view value() {
    space();
    const auto start = at_;
    int depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (depth == 0 && (c == ',' || c == '}' || c == ']')) break;
      if (c == '"') {
        string();
        continue;
      }
      depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
      ++at_;
    }
    auto end = at_;
    while (end > start && std::string_view(" \t\r\n").find(text_[end - 1]) != std::string_view::npos) --end;
    return text_.substr(start, end - start);
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<std::string_view> member(std::string_view object, const std::string& name) {
  Cursor cursor(object);
  if (!cursor.take('{')) return std::nullopt;
  if (cursor.take('}')) return std::nullopt;
  do {
    const auto key = nlohmann::json::parse(cursor.string(), nullptr, false);
    if (!cursor.take(':')) return std::nullopt;
    const auto value = cursor.value();
    if (key == name) return value;
  } while (cursor.take(','));
  return std::nullopt;
}

}  // namespace

std::vector<std::string_view> json_elements(std::string_view array) {
  std::vector<std::string_view> elements;
  Cursor cursor(array);
  if (!cursor.take('[') || cursor.take(']')) return elements;
  do {
    elements.push_back(cursor.value());
  } while (cursor.take(','));
  return elements;
}

std::optional<std::string_view> json_slice(std::string_view json, const std::vector<std::string>& path) {
  std::optional<std::string_view> here = json;
  for (const auto& name : path) {
    here = member(*here, name);
    if (!here) return std::nullopt;
  }
  return here;
}

}  // namespace slipway::server

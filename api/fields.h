#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/agent.h"

namespace slipway {

/// How a place in a document is written in an error: `join("spec", "env")`, `join("spec.env", 0)` →
/// "spec.env[0]". A key that is no plain name is quoted, so that two places never share one path.
std::string join(const std::string& base, std::string_view key);
std::string join(const std::string& base, std::size_t index);

/// The name of `candidates` that a person may have meant by `name`, or nothing if none is close.
std::optional<std::string> nearest(std::string_view name, const std::vector<std::string>& candidates);

/// The value as an error shows it: short, one line, with every control character escaped.
std::string describe(const nlohmann::json& value);

bool is_dns_label(std::string_view text);      ///< DNS-1123: 1–63 of a-z 0-9 '-', not at the ends
bool is_dns_subdomain(std::string_view text);  ///< labels joined by dots, at most 253
bool is_user_id(std::string_view text);        ///< 1–128 printable characters (UTF-8) except '*'
bool is_printable_text(std::string_view text, std::size_t most);  ///< 1 to `most` printable characters

inline constexpr std::size_t kMostUnknownFields = 20;

/// Reads the fields of one JSON object and collects everything wrong in it. A field that is absent or null
/// leaves its target alone. Fields asked for are the known ones; `finish` reports the others.
class Fields {
 public:
  Fields(const nlohmann::json& object, std::string path, std::vector<FieldError>& errors);

  const std::string& path() const { return path_; }
  bool has(const std::string& key) const;
  /// Whether the field is there at all, be it null.
  bool given(const std::string& key) const { return object_.contains(key); }
  /// The value, or null when absent. Marks the field as known.
  const nlohmann::json* take(const std::string& key);
  void fail(const std::string& key, std::string message);
  /// Reports that a required field is absent.
  void require(const std::string& key);
  /// A field that exists elsewhere and is refused here, with the reason.
  void refuse(const std::string& key, std::string why);

  void text(const std::string& key, std::string& target);
  void boolean(const std::string& key, bool& target);
  void integer(const std::string& key, std::int64_t low, std::int64_t high, std::int64_t& target);
  void integer(const std::string& key, std::int64_t low, std::int64_t high, int& target);
  void bytes(const std::string& key, std::int64_t low, std::int64_t high, std::int64_t& target);
  void millicores(const std::string& key, std::int64_t low, std::int64_t high, std::int64_t& target);
  void seconds(const std::string& key, std::chrono::seconds low, std::chrono::seconds high,
               std::chrono::seconds& target);
  void texts(const std::string& key, std::size_t most, std::vector<std::string>& target);
  /// The object at `key`, to be read by a Fields of its own; null when absent or not an object (reported).
  const nlohmann::json* object(const std::string& key);
  const nlohmann::json* array(const std::string& key, std::size_t most);

  /// Reports the fields that nobody asked for, with the nearest known name or else all of them; at most
  /// kMostUnknownFields.
  void finish();

 private:
  void expected(const std::string& key, const std::string& what, const nlohmann::json& got);
  std::string unknown(const std::string& key) const;

  const nlohmann::json& object_;
  std::string path_;
  std::vector<FieldError>& errors_;
  std::vector<std::string> known_;
};

}  // namespace slipway

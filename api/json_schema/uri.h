#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::json_schema {

/// The base of a schema without an `$id`: something absolute, so that references in it can be resolved.
constexpr std::string_view kNameless = "slipway-schema:///schema";

/// A URI split at its '#'.
struct Reference {
  std::string document;  ///< absolute, without a fragment
  std::string fragment;  ///< decoded
};

/// What `written` means where `base` holds; nothing if it is no URI reference.
std::optional<Reference> resolve(const std::string& base, std::string_view written);

}  // namespace slipway::json_schema

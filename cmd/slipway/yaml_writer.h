#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace slipway::cli {

/// The value as block YAML that parse_yaml reads back to the same value. apiVersion, kind, metadata, spec,
/// status come first.
std::string write_yaml(const nlohmann::json& value);

}  // namespace slipway::cli

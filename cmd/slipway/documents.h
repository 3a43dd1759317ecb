#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/kinds.h"

namespace slipway::cli {

/// The name it is found under: a quota's is its user, whatever the file calls it.
const std::string& key_of(const Object& object);

/// The object as its document: what a file can say and the database keeps, defaults written out.
nlohmann::json document_of(const Object& object);

/// The same of a document that `Catalog::list` answered; nothing where this binary does not understand it.
std::optional<nlohmann::json> own_fields(const nlohmann::json& listed);

}  // namespace slipway::cli

#pragma once

#include <string_view>

namespace slipway::json_schema {

constexpr std::string_view kDraft7 = "http://json-schema.org/draft-07/schema";
constexpr std::string_view kDraft202012 = "https://json-schema.org/draft/2020-12/schema";

/// What the two dialects demand of a schema, as a schema that a $ref may lead to: the metaschemas and the
/// parts of 2020-12's, by their official URIs. Empty: no such document.
std::string_view metaschema(std::string_view uri);

}  // namespace slipway::json_schema

#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/catalog.h"

namespace slipway::client {

/// The body of an apply: the documents, an input with the digits it was written with, and where each is from.
std::string application_text(const std::vector<Object>& objects, const store::ApplyOptions& options);
/// Whether the same again changes nothing more: all of it is found again by its name.
bool is_repeatable(const std::vector<Object>& objects, const store::ApplyOptions& options);
Result<std::vector<store::Change>> changes_from(const nlohmann::json& body, std::size_t expected);

Result<store::Standing> standing_from(const nlohmann::json& body);
Result<store::Waiting> waiting_from(const nlohmann::json& body);

std::string token_text(const store::Token& token, const std::string& sha256);
store::Token token_from(const nlohmann::json& body);

/// "team in (quant),!draft": the terms as ?label= takes them.
std::string selector_text(const std::vector<store::LabelTerm>& terms);
const char* word_of(store::NodeWish wish);

}  // namespace slipway::client

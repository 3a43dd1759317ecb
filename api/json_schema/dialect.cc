#include "api/json_schema/compiler.h"
#include "api/json_schema/metaschemas.h"
#include "api/json_schema/sentences.h"

namespace slipway::json_schema {

using nlohmann::json;

namespace {

constexpr std::string_view kVocabularies = "https://json-schema.org/draft/2020-12/vocab/";

std::optional<Dialect> known_dialect(std::string_view uri) {
  if (uri.ends_with('#')) uri.remove_suffix(1);
  if (uri == kDraft7) return Dialect{Draft::Draft7, true};
  if (uri == kDraft202012) return Dialect{Draft::Draft202012, true};
  return std::nullopt;
}

// What 2020-12 lists; `format-assertion` is not among them, for formats are never asserted here.
bool is_known_vocabulary(std::string_view uri) {
  if (!uri.starts_with(kVocabularies)) return false;
  uri.remove_prefix(kVocabularies.size());
  for (const char* known :
       {"core", "applicator", "unevaluated", "validation", "meta-data", "format-annotation", "content"})
    if (uri == known) return true;
  return false;
}

}  // namespace

std::optional<Dialect> Compiler::dialect(const json& schema, NodeId node, Dialect fallback) {
  const auto found = schema.is_object() ? schema.find("$schema") : schema.end();
  if (!schema.is_object() || found == schema.end()) return fallback;
  if (!found->is_string()) {
    fail(node, "/$schema", "expected a URI, got " + quote(*found));
    return std::nullopt;
  }
  const auto& uri = found->get_ref<const std::string&>();
  if (const auto known = known_dialect(uri)) return known;
  if (const auto custom = custom_dialect(uri)) return custom;
  fail(node, "/$schema",
       "expected \"" + std::string(kDraft202012) + "\" or \"" + std::string(kDraft7) + "#\", got " +
           quote(*found));
  return std::nullopt;
}

// A metaschema among the documents says which vocabularies of 2020-12 it takes.
std::optional<Dialect> Compiler::custom_dialect(const std::string& uri) const {
  const auto document = documents_.find(uri);
  if (document == documents_.end() || !document->second.is_object()) return std::nullopt;
  const auto& metaschema = document->second;
  const auto base = metaschema.find("$schema");
  const auto vocabulary = metaschema.find("$vocabulary");
  if (base == metaschema.end() || !base->is_string()) return std::nullopt;
  auto made = known_dialect(base->get_ref<const std::string&>());
  if (!made || vocabulary == metaschema.end() || !vocabulary->is_object()) return made;
  for (const auto& [name, needed] : vocabulary->items())
    if (needed == true && !is_known_vocabulary(name)) return std::nullopt;
  made->asserts = vocabulary->contains(std::string(kVocabularies) + "validation");
  return made;
}

}  // namespace slipway::json_schema

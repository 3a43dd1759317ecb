#include <algorithm>

#include "api/json_schema/reader.h"
#include "api/json_schema/sentences.h"
#include "api/json_schema/uri.h"

// Where a schema object stands and what it is called, and which others it refers to.
namespace slipway::json_schema {
namespace {

bool is_anchor(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name.front()) && std::ranges::all_of(name, [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':';
  });
}

}  // namespace

void Reader::read_identity() {
  const bool hidden = draft7() && find("$ref") != nullptr;
  if (const auto* id = hidden ? nullptr : text("$id")) read_id(*id);
  if (draft7()) return;
  read_anchor("$anchor", false);
  read_anchor("$dynamicAnchor", true);
  text("$comment");
}

void Reader::read_id(const std::string& id) {
  const auto made = resolve(compiler_.resource(resource_).uri, id);
  if (!made) return fail("$id", "expected a URI, got " + quote(std::string_view(id)));
  if (!made->fragment.empty()) {
    if (!draft7()) return fail("$id", "must not have a fragment; a name within the schema is an $anchor");
    add_anchor(made->fragment, "$id", false);
  }
  // Draft 7 names a place in the schema by an $id that is nothing but a fragment.
  if (id.starts_with('#') || made->document == compiler_.resource(resource_).uri) return;
  const auto own = compiler_.dialect(object_, node_, dialect_);
  if (own) dialect_ = *own;
  resource_ = compiler_.add_resource(
      {made->document, compiler_.resource(resource_).document, dialect_, node_, {}, {}}, object_, node_);
}

void Reader::read_anchor(const char* keyword, bool dynamic) {
  const auto* name = text(keyword);
  if (name == nullptr) return;
  if (!is_anchor(*name))
    return fail(keyword, "expected a name of letters, digits, '-', '_' and '.', got " +
                             quote(std::string_view(*name)));
  add_anchor(*name, keyword, dynamic);
}

void Reader::add_anchor(const std::string& name, const char* keyword, bool dynamic) {
  auto& resource = compiler_.resource(resource_);
  const auto [at, fresh] = resource.anchors.emplace(name, node_);
  if (!fresh && at->second != node_)
    return fail(keyword, "the name " + quote(std::string_view(name)) + " is used twice");
  if (dynamic) resource.dynamic_anchors.emplace(name, node_);
}

void Reader::read_references() {
  if (const auto* written = text("$ref")) {
    compiler_.refer(node_, rules_.size(), "$ref", *written);
    add(RefRule{});
  }
  const auto* dynamic = draft7() ? nullptr : text("$dynamicRef");
  if (dynamic == nullptr) return;
  compiler_.refer(node_, rules_.size(), "$dynamicRef", *dynamic);
  add(DynamicRefRule{});
}

// Only read: nothing applies them until a reference does.
void Reader::read_definitions() {
  for (const char* keyword : {"$defs", "definitions"}) {
    if (draft7() && *keyword == '$') continue;
    const auto* definitions = object(keyword);
    if (definitions == nullptr) continue;
    for (const auto& [name, value] : definitions->items())
      child(value, pointer_token(keyword) + pointer_token(name));
  }
}

}  // namespace slipway::json_schema

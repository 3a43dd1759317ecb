#include "api/json_schema/reader.h"

namespace slipway::json_schema {

void Reader::read_logic() {
  if (auto all = schemas("allOf"); !all.empty()) add(AllOfRule{std::move(all)});
  if (auto any = schemas("anyOf"); !any.empty()) add(AnyOfRule{std::move(any)});
  if (auto one = schemas("oneOf"); !one.empty()) add(OneOfRule{std::move(one)});
  if (const auto negated = schema("not")) add(NotRule{*negated});
}

void Reader::read_if() {
  const auto condition = schema("if");
  const auto then = schema("then");
  const auto otherwise = schema("else");
  if (condition) add(IfRule{*condition, then, otherwise});
}

// Last: they look at what every other keyword of this object left.
void Reader::read_unevaluated() {
  if (draft7()) return;
  if (const auto items = schema("unevaluatedItems")) add(UnevaluatedItemsRule{*items});
  if (const auto properties = schema("unevaluatedProperties")) add(UnevaluatedPropertiesRule{*properties});
}

}  // namespace slipway::json_schema

#include <algorithm>
#include <utility>

#include "api/json_schema/ecma_pattern.h"

// Unicode's names for its classes of characters; RE2 knows general categories by their short names, and
// scripts.
namespace slipway::json_schema {
namespace {

constexpr std::pair<std::string_view, std::string_view> kCategories[] = {{"Letter", "L"},
                                                                         {"Uppercase_Letter", "Lu"},
                                                                         {"Lowercase_Letter", "Ll"},
                                                                         {"Titlecase_Letter", "Lt"},
                                                                         {"Modifier_Letter", "Lm"},
                                                                         {"Other_Letter", "Lo"},
                                                                         {"Mark", "M"},
                                                                         {"Combining_Mark", "M"},
                                                                         {"Nonspacing_Mark", "Mn"},
                                                                         {"Spacing_Mark", "Mc"},
                                                                         {"Enclosing_Mark", "Me"},
                                                                         {"Number", "N"},
                                                                         {"Decimal_Number", "Nd"},
                                                                         {"digit", "Nd"},
                                                                         {"Letter_Number", "Nl"},
                                                                         {"Other_Number", "No"},
                                                                         {"Punctuation", "P"},
                                                                         {"punct", "P"},
                                                                         {"Connector_Punctuation", "Pc"},
                                                                         {"Dash_Punctuation", "Pd"},
                                                                         {"Open_Punctuation", "Ps"},
                                                                         {"Close_Punctuation", "Pe"},
                                                                         {"Initial_Punctuation", "Pi"},
                                                                         {"Final_Punctuation", "Pf"},
                                                                         {"Other_Punctuation", "Po"},
                                                                         {"Symbol", "S"},
                                                                         {"Math_Symbol", "Sm"},
                                                                         {"Currency_Symbol", "Sc"},
                                                                         {"Modifier_Symbol", "Sk"},
                                                                         {"Other_Symbol", "So"},
                                                                         {"Separator", "Z"},
                                                                         {"Space_Separator", "Zs"},
                                                                         {"Line_Separator", "Zl"},
                                                                         {"Paragraph_Separator", "Zp"},
                                                                         {"Control", "Cc"},
                                                                         {"cntrl", "Cc"},
                                                                         {"Format", "Cf"},
                                                                         {"Private_Use", "Co"}};

std::optional<std::string_view> category(std::string_view name) {
  for (const auto& [lengthy, brief] : kCategories)
    if (name == lengthy || name == brief) return brief;
  return std::nullopt;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}

std::optional<std::string> binary(std::string_view name, bool negated) {
  if (name == "Any" && !negated) return R"(\x{0}-\x{10ffff})";  // its opposite is empty, and useless
  if (name == "ASCII") return negated ? R"(\x{80}-\x{10ffff})" : R"(\x{0}-\x{7f})";
  return std::nullopt;
}

}  // namespace

Escape property_class(std::string_view name, bool negated) {
  const auto made = [&](std::string_view known) {
    return Escape{std::nullopt, (negated ? "\\P{" : "\\p{") + std::string(known) + "}", "", ""};
  };
  const auto equals = name.find('=');
  const auto key = equals == std::string_view::npos ? std::string_view() : name.substr(0, equals);
  const auto value = equals == std::string_view::npos ? name : name.substr(equals + 1);
  if (key.empty() || key == "gc" || key == "General_Category") {
    if (const auto known = category(value)) return made(*known);
  }
  if (key.empty())
    if (const auto known = binary(value, negated)) return Escape{std::nullopt, *known, "", ""};
  // RE2 says itself which scripts it does not know.
  if ((key == "sc" || key == "Script") && is_name(value)) return made(value);
  return Escape{std::nullopt, "", "", "names a class of characters that is not known here"};
}

}  // namespace slipway::json_schema

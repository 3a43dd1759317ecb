#include "api/json_schema/strict_json.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

#include "api/json_schema/sentences.h"

namespace slipway {
namespace {

using nlohmann::json;

constexpr long kMostDecimals = 16383;  // PostgreSQL's numeric holds no more, though json takes any

/// Digits behind the point once the exponent is applied: "1.5e-10" has 11. Saturates.
long decimals(std::string_view number) {
  const auto e = number.find_first_of("eE");
  const auto mantissa = number.substr(0, e);
  const auto point = mantissa.find('.');
  const long behind = point == std::string_view::npos ? 0 : static_cast<long>(mantissa.size() - point - 1);
  if (e == std::string_view::npos) return behind;
  const auto exponent = std::strtol(std::string(number.substr(e + 1)).c_str(), nullptr, 10);
  return exponent < -kMostDecimals ? kMostDecimals + 1 : behind - exponent;
}

/// Answers nlohmann's events; false ends the parse.
class Inspector : public nlohmann::json_sax<json> {
 public:
  explicit Inspector(int max_depth) : max_depth_(max_depth) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t& text) override {
    return decimals(text) <= kMostDecimals ||
           refuse("a number with more than " + std::to_string(kMostDecimals) + " decimals");
  }
  bool binary(binary_t&) override { return refuse("binary data"); }
  bool string(string_t& text) override { return no_nul(text); }
  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    if (!no_nul(name)) return false;
    if (!keys_.back().insert(name).second)
      return refuse("the key " + json_schema::quote(std::string_view(name)) + " stands twice in one object");
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    constexpr int kOutOfRange = 406;
    return refuse((error.id == kOutOfRange ? "a number out of range at byte " : "not valid JSON at byte ") +
                  std::to_string(position));
  }

  const std::string& problem() const { return problem_; }

 private:
  bool open() {
    if (static_cast<int>(keys_.size()) == max_depth_)
      return refuse("nested deeper than " + std::to_string(max_depth_) + " levels");
    keys_.emplace_back();
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }
  bool no_nul(const std::string& text) {
    return text.find('\0') == std::string::npos || refuse("a string with a NUL character");
  }
  bool refuse(std::string why) {
    problem_ = std::move(why);
    return false;
  }

  int max_depth_;
  std::vector<std::unordered_set<std::string>> keys_;
  std::string problem_;
};

}  // namespace

std::string check_strict_json(std::string_view bytes, int max_depth) {
  if (bytes.starts_with("\xEF\xBB\xBF")) return "a byte order mark before the JSON";
  // The parser takes a NUL for the end of the text, and the database takes none at all.
  if (const auto nul = bytes.find('\0'); nul != std::string_view::npos)
    return "not valid JSON at byte " + std::to_string(nul + 1);
  Inspector inspector(max_depth);
  if (json::sax_parse(bytes, &inspector)) return {};
  return inspector.problem().empty() ? "not valid JSON" : inspector.problem();
}

}  // namespace slipway

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::json_schema {

struct Translated {
  std::string text;     ///< in RE2's syntax
  std::string problem;  ///< what cannot be translated, to follow "the pattern ..."; empty: nothing
};

/// From the syntax of ECMA-262 (with the meaning of its `u` flag) to RE2's. What needs backtracking, and what
/// has no counterpart, is a problem; a mistake that both sides know is left to RE2.
Translated translate_ecma(std::string_view ecma);

/// Reads a pattern character by character.
class EcmaReader {
 public:
  explicit EcmaReader(std::string_view text) : text_(text) {}

  bool done() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool skip(std::string_view expected);
  /// The next character, whole; nothing at the end or in broken UTF-8.
  std::optional<char32_t> next();
  /// The next 1 to `most` hexadecimal digits if there are at least `least` of them.
  std::optional<char32_t> hexadecimal(int least, int most);
  /// What stands before `end`, which is skipped.
  std::optional<std::string_view> until(char end);
  /// A `{2,5}` at this place, braces included.
  std::optional<std::string_view> counted_repeat();

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

/// What one escape means: a character or a class of them.
struct Escape {
  std::optional<char32_t> character;
  std::string ranges;    ///< the class as it stands between brackets in RE2
  std::string boundary;  ///< `\b` or `\B`, only outside a class
  std::string problem;
};
/// After the backslash.
Escape read_escape(EcmaReader& reader, bool in_class);

/// After the opening bracket.
Translated read_class(EcmaReader& reader);

/// A character as RE2 reads it everywhere.
std::string literal(char32_t character);

/// `\p{name}` and `\P{name}` in RE2's names, or a problem.
Escape property_class(std::string_view name, bool negated);

}  // namespace slipway::json_schema

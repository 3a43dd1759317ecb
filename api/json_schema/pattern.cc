#include "api/json_schema/pattern.h"

#include <re2/re2.h>

#include "api/json_schema/ecma_pattern.h"
#include "api/json_schema/limits.h"
#include "api/json_schema/sentences.h"

namespace slipway::json_schema {
namespace {

re2::RE2::Options options(std::int64_t memory) {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(memory);
  options.set_never_capture(true);
  return options;
}

// RE2's own words name our translation, so only the kind of error is told.
std::string explain(const re2::RE2& compiled) {
  switch (compiled.error_code()) {
    case re2::RE2::ErrorPatternTooLarge:
      return "needs too much memory: shorten its counted repeats";
    case re2::RE2::ErrorRepeatSize:
      return "repeats more than 1000 times, nested repeats multiplied";
    case re2::RE2::ErrorRepeatArgument:
    case re2::RE2::ErrorRepeatOp:
      return "repeats nothing, or repeats a repeat";
    case re2::RE2::ErrorMissingParen:
    case re2::RE2::ErrorUnexpectedParen:
      return "has parentheses that do not match";
    case re2::RE2::ErrorBadCharRange:
      return "names a class of characters that is not known here, or a range from high to low";
    case re2::RE2::ErrorMissingBracket:
    case re2::RE2::ErrorBadCharClass:
    case re2::RE2::ErrorBadEscape:
    case re2::RE2::ErrorTrailingBackslash:
    case re2::RE2::ErrorBadUTF8:
    case re2::RE2::ErrorBadNamedCapture:
    case re2::RE2::ErrorBadPerlOp:
    case re2::RE2::ErrorInternal:
    case re2::RE2::NoError:
      break;
  }
  return "is not a regular expression that can be read here";
}

}  // namespace

Pattern::OrProblem Pattern::compile(std::string_view ecma, std::int64_t memory) {
  const auto refused = [&](const std::string& why, bool too_large = false) {
    return OrProblem{{}, "the pattern " + quote(ecma) + " " + why, too_large};
  };
  if (ecma.size() > kMostPatternBytes)
    return refused("is longer than " + std::to_string(kMostPatternBytes) + " bytes");
  const auto translated = translate_ecma(ecma);
  if (!translated.problem.empty()) return refused(translated.problem);
  const auto compiled = std::make_shared<const re2::RE2>(translated.text, options(memory));
  if (!compiled->ok())
    return refused(explain(*compiled), compiled->error_code() == re2::RE2::ErrorPatternTooLarge);
  OrProblem made;
  made.pattern.written_ = ecma;
  made.pattern.compiled_ = compiled;
  made.pattern.size_ = static_cast<std::uint64_t>(compiled->ProgramSize());
  return made;
}

bool Pattern::matches(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

std::uint64_t Pattern::cost(std::size_t bytes) const {
  // When its cache of states is full, RE2 walks the program once for each byte.
  constexpr std::uint64_t kInstructionsPerStep = 32;
  return 2 + bytes * size_ / kInstructionsPerStep;
}

}  // namespace slipway::json_schema

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace slipway::json_schema {

/// One regular expression, ready to match in linear time. Immutable, to be shared between threads.
class Pattern {
 public:
  struct OrProblem;
  /// `ecma` as a schema states it; `memory` bounds the program and what matching caches.
  static OrProblem compile(std::string_view ecma, std::int64_t memory);

  /// Whether it matches anywhere in the text.
  bool matches(std::string_view text) const;
  /// Steps that a match against so many bytes may cost at worst.
  std::uint64_t cost(std::size_t bytes) const;
  /// Instructions of its program.
  std::uint64_t size() const { return size_; }
  const std::string& written() const { return written_; }

 private:
  std::string written_;
  std::shared_ptr<const re2::RE2> compiled_;
  std::uint64_t size_ = 0;
};

struct Pattern::OrProblem {
  Pattern pattern;
  std::string problem;     ///< empty: there is a pattern
  bool too_large = false;  ///< the problem is its size
};

}  // namespace slipway::json_schema

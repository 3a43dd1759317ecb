#pragma once

#include <string_view>
#include <vector>

#include "api/yaml.h"

namespace slipway {

/// The lines of a text, so that a parser's marks (bytes, from 0) become what an editor shows (characters,
/// from 1). The text must outlive them.
class SourceLines {
 public:
  explicit SourceLines(std::string_view text);

  /// Without its end; empty beyond the last one.
  std::string_view line(int number) const;
  bool is_beyond(int number) const;
  /// Beyond the last line: the end of the text.
  /// Counts on from the place that was asked for last: asked in order, a line of a megabyte is read once.
  SourcePlace place(int number, int byte_column) const;

 private:
  struct Counted {
    int line = -1;
    std::size_t bytes = 0;
    int characters = 0;
  };

  std::vector<std::string_view> lines_;
  mutable Counted last_;
};

/// The place of one byte, found without taking the text to lines.
SourcePlace place_at(std::string_view text, std::size_t offset);

}  // namespace slipway

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Text of strangers on its way into a row, a message or a log line: the database takes neither half a
/// character nor a NUL.
namespace slipway {

/// The number of bytes of the well-formed character at `at` (Unicode table 3-7); 0: none stands there.
std::size_t utf8_length(std::string_view text, std::size_t at);

/// The beginning of it, at most `most` bytes, with no character cut in two.
std::string_view cut_text(std::string_view text, std::size_t most);

/// The same text, with U+FFFD for every NUL and every byte that belongs to no character.
std::string valid_text(std::string_view text);

/// Both: what may be stored and quoted of a text of any size and content. At most `most` bytes of it, each of
/// which may have become three.
std::string excerpt(std::string_view text, std::size_t most);

}  // namespace slipway

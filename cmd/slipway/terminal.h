#pragma once

#include <string>
#include <string_view>

namespace slipway::cli {

/// The text as a terminal may see it: control characters (line ends and tabs only with `lines`), escape
/// sequences, broken UTF-8 and the characters that turn the direction of writing become \xNN or \uNNNN. A
/// workload's bytes can then neither move the cursor nor pretend to be something else.
std::string printable(std::string_view text, bool lines = false);

/// `printable` where the stream is a terminal; as it is where it is a file or a pipe.
std::string for_stream(std::string_view text, int descriptor);

bool is_terminal(int descriptor);
/// Colour on this descriptor: a terminal, and NO_COLOR is not set.
bool wants_color(int descriptor);
std::string red(const std::string& text, int descriptor);
std::string green(const std::string& text, int descriptor);

/// The text on one line: line ends and runs of blanks become one space, outer ones go.
std::string one_line(std::string_view text);

/// Writes to stdout; false once the reader is gone.
bool put(std::string_view text);
/// One line on stderr.
void say(const std::string& text);
/// "slipway: message" on stderr; answers exit code 1.
int fail(const std::string& message);

}  // namespace slipway::cli

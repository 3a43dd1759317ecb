#pragma once

#include <string>
#include <string_view>

namespace slipway {

/// Whether a stranger's bytes are JSON that every later reader will understand alike: strict UTF-8 without a
/// byte order mark, no duplicate keys, no NUL in or behind it, numbers that a double and PostgreSQL can hold,
/// at most `max_depth` levels. Linear time, and memory only for the keys of the objects that are open. Empty:
/// it is. Otherwise what is wrong and at which byte, in words fit for the author of the document.
std::string check_strict_json(std::string_view bytes, int max_depth = 64);

}  // namespace slipway

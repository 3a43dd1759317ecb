#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace slipway::runtime {

struct TarEntry {
  std::string path;
  std::string bytes;  ///< ignored for a directory
  bool directory = false;
  int mode = 0644;
  int user = 0;
  int group = 0;
};

/// A tar of these entries, in memory.
std::string make_tar(const std::vector<TarEntry>& entries);

enum class TarFile { Missing, NotRegular, TooLarge, Regular };
/// The one file in `tar` (which may be cut off after the cap): nothing is unpacked, nothing but a regular
/// file accepted.
TarFile read_single_file(const std::string& tar, std::int64_t cap, std::string& bytes);

}  // namespace slipway::runtime

#include "runtime/docker/engine_words.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <string>

namespace slipway::runtime {
namespace {

std::string lower(std::string_view words) {
  std::string text(words);
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool has_any(const std::string& text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return text.find(part) != text.npos; });
}

bool says_full(const std::string& text) {
  return has_any(text, {"no space left on device", "disk quota exceeded"});
}

/// Something in the image stands where its mounts have to go, or is no user database.
bool blames_image(const std::string& text) {
  const bool mount =
      has_any(text, {"error mounting", "to rootfs at", "create mountpoint", "create mount point"});
  const bool place =
      has_any(text, {"not a directory", "is a directory", "too many levels of symbolic links",
                     "read-only file system", "cannot be mounted because", "file name too long"});
  return (mount && place) || has_any(text, {"unable to find user", "unable to find group"});
}

constexpr int kCannotExecute = 126;
constexpr int kNotFound = 127;

}  // namespace

std::optional<Reason> refusal_of_create(int status, std::string_view words) {
  const std::string text = lower(words);
  if (status >= 500 && says_full(text)) return Reason::NodeStorageFull;
  if (status != 400) return std::nullopt;
  if (has_any(text, {"no command specified"})) return Reason::CommandInvalid;
  if (has_any(text, {"range of cpus", "minimum memory limit", "minimum memory reservation"}))
    return Reason::NotEnforceable;
  return std::nullopt;
}

std::optional<Reason> refusal_of_start(long exit_code, std::string_view words) {
  const std::string text = lower(words);
  if (text.empty()) return std::nullopt;
  if (says_full(text)) return Reason::NodeStorageFull;
  if (blames_image(text)) return Reason::ImageNotAllowed;
  // Without its own runtime the engine gives 127, too.
  if (has_any(text, {"unable to retrieve oci runtime error", "failed to start shim"})) return std::nullopt;
  if (exit_code == kCannotExecute || exit_code == kNotFound) return Reason::CommandInvalid;
  return std::nullopt;
}

bool says_cancelled(std::string_view words) { return has_any(lower(words), {"context canceled"}); }

bool says_never_made(std::string_view words) { return has_any(lower(words), {"oci runtime create failed"}); }

}  // namespace slipway::runtime

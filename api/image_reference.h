#pragma once

#include <string>
#include <string_view>

#include "api/result.h"

namespace slipway {

/// The name of an image, by the grammar that engines and registries keep (distribution/reference), or
/// "sha256:…" alone: an image of the engine itself.
struct ImageReference {
  std::string domain;  ///< "127.0.0.1:5000"; empty: Docker Hub
  std::string path;    ///< "team/momentum"; empty for an id
  std::string tag;     ///< empty: none given
  std::string digest;  ///< "sha256:…", of the name or the id itself; empty: none given
  std::string repository() const { return domain.empty() ? path : domain + "/" + path; }
  bool is_id() const { return path.empty(); }
};

/// Invalid: which part of it is not as it must be, in words for its author.
Result<ImageReference> parse_image_reference(std::string_view text);

}  // namespace slipway

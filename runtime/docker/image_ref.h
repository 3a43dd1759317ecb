#pragma once

#include <string>

#include "api/result.h"

namespace slipway::runtime {

/// An image name as the engine's pull wants it: never without a tag or a digest (none pulls every tag).
struct ImageRef {
  std::string repository;  ///< "127.0.0.1:5000/team/momentum"
  std::string version;     ///< tag, or "sha256:…"
  std::string registry;    ///< key in a docker config.json: "127.0.0.1:5000", or Docker Hub's address
  bool by_id = false;      ///< "sha256:…" alone: an image of this engine, which no registry can be asked for
  std::string full() const;  ///< for inspect
};
/// Invalid: it is no name of an image (api/image_reference.h).
Result<ImageRef> parse_image_ref(const std::string& text);

/// X-Registry-Auth for `registry` from the text of a docker config.json; empty: none there. Credential
/// helpers are not run.
std::string registry_auth(const std::string& docker_config, const std::string& registry);

std::string base64(const std::string& bytes, bool url);
/// Standard alphabet, padding optional; empty when malformed.
std::string unbase64(const std::string& text);

}  // namespace slipway::runtime

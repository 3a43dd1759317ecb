#pragma once

#include <string>

#include "test/support/docker_engine/docker_engine.h"

namespace slipway::test {

/// A registry on 127.0.0.1 with a free port and a storage of its own; with a user name it asks for the
/// password.
class DockerRegistry {
 public:
  explicit DockerRegistry(std::string user = {}, std::string password = {});
  ~DockerRegistry();
  DockerRegistry(const DockerRegistry&) = delete;
  DockerRegistry& operator=(const DockerRegistry&) = delete;

  const std::string& host() const { return host_; }  ///< "127.0.0.1:41234"
  /// Path of a docker config.json that holds the password (DockerOptions::registry_auth).
  std::string docker_config() const { return dir_ + "/config.json"; }
  std::string storage() const { return dir_ + "/storage"; }  ///< to break a layer by hand

  /// Tags `image` as <host>/<repository>:<tag>, pushes it, and returns its digest ("sha256:…").
  std::string push(const DockerEngine& engine, const std::string& image, const std::string& repository,
                   const std::string& tag) const;

 private:
  std::string dir_;
  std::string host_;
  std::string auth_header_;
  ChildProcess server_;
};

}  // namespace slipway::test

#pragma once

#include "cmd/slipway/doctor_database.h"
#include "cmd/slipway/finding.h"
#include "cmd/slipwayd/config.h"

namespace slipway::cli {

/// What the daemon of this configuration has called itself, or would.
NodeIdentity read_identity(const Config& config);

/// The files a configuration names: who else may read what is secret in them.
Findings check_secrets(const std::string& config_file, const Config& config);
/// The state directory: there, local, passable for what the engine binds into containers, and roomy.
Findings check_state(const std::string& state_dir);
/// Room for images and containers.
Finding check_room(const std::string& what, const std::string& directory);
/// The engine's socket is root's or a group's, never everybody's.
Finding check_socket(const std::string& socket);
/// Engine and daemon see what the host mounts: what mount mode needs. Nothing where it cannot be seen.
Findings check_namespaces(const std::string& socket, const Config& config);
/// The daemon's own door: where it listens, and whether it answers there.
Findings check_http(const Config& config);

}  // namespace slipway::cli

#pragma once

#include <string>

namespace slipway::cli {

struct Session;

/// One line for each thing Slipway needs: OK or FAIL, what was found, what to do. Exit code 1 if anything
/// failed.
int doctor(const Session& session, const std::string& engine_socket);

}  // namespace slipway::cli

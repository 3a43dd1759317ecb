#pragma once

#include <string>

namespace slipway::cli {

struct Session;

/// One line for each thing Slipway needs: OK, WARN or FAIL, what was found, what was expected and what to do.
/// Exit code 1 if anything failed. docs/operations/doctor.md lists the lines.
int doctor(const Session& session, const std::string& engine_socket);

}  // namespace slipway::cli

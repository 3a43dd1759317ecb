#pragma once

#include <filesystem>
#include <string>

#include "test/bench/engine_client.h"

namespace slipway::bench {

/// Makes an image of one static program at /NAME, with /input and an open /output, under `reference`
/// ("repo:tag"); its id.
std::string import_program(EngineClient& engine, const std::filesystem::path& program,
                           const std::string& repo, const std::string& tag);

}  // namespace slipway::bench

#pragma once

#include "test/bench/drivers.h"
#include "test/bench/slipwayd_load.h"

namespace slipway::bench {

/// Lets slipwayd run a few executions, catches one of its containers and compares what the engine holds of it
/// with a container of the floor's: equal but for names and labels, or it throws, naming the difference.
/// Without this a floor could be beaten by asking less of the engine.
void require_equal_bodies(const Ground& ground, DaemonUnderLoad& daemon);

}  // namespace slipway::bench

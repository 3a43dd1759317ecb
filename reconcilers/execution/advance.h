#pragma once

#include "api/execution.h"
#include "store/store.h"

namespace slipway::reconcilers {

/// The row as it stands once `transition` was written: what a pass goes on with, instead of loading again
/// what it has just said itself. Pure.
Execution advance(Execution row, const store::Transition& transition);

}  // namespace slipway::reconcilers

#pragma once

#include "api/execution.h"
#include "reconcilers/execution/plan.h"
#include "store/store.h"

namespace slipway::reconcilers {

/// The row as it stands once `transition` was written: what a pass goes on with, instead of loading again
/// what it has just said itself. Pure.
Execution advance(Execution row, const store::Transition& transition);
Execution advance(Execution row, const Record& record);
/// Whether a pass may go on with the row after this record; else the row is loaded anew.
bool goes_on(const Record& record);

}  // namespace slipway::reconcilers

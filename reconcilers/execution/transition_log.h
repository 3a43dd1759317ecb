#pragma once

#include <string_view>

#include "store/store.h"

namespace slipway::reconcilers {

/// The one line that a change of stage gets once it is committed; its keys are promised by
/// docs/operations/logs.md. `detail`: the operator's words, if there are any.
void log_transition(const store::Step& step, std::string_view detail = {});

}  // namespace slipway::reconcilers

#pragma once

#include <vector>

#include "store/store.h"

namespace slipway::reconcilers {

/// The first decision over one waiting row: pure, and made without a free slot being needed.
store::Decision decide_first(const store::Undecided& row, TimePoint now);

/// At most `count` of the candidates, in turn over their users within a band of priority. `candidates` come
/// in the order priority, then age; a user's own order is kept.
std::vector<ExecutionId> pick_fairly(const std::vector<store::Candidate>& candidates, int count);

}  // namespace slipway::reconcilers

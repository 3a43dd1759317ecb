#pragma once

#include "admission/contracts.h"
#include "api/policy.h"
#include "store/store.h"

namespace slipway::admission {

/// The first decision over one waiting row, as far as the row and its agent alone decide it: pure, and made
/// without a free slot being needed. `input` is how the row's input stands to the agent's schema; of a row
/// that is not New it is not asked again.
store::Decision decide_first(const store::Undecided& row, const ContractVerdict& input, const Policy& policy,
                             TimePoint now);

}  // namespace slipway::admission

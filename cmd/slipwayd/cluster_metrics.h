#pragma once

#include <vector>

#include "metrics/registry.h"
#include "store/store.h"

namespace slipway {

/// The cluster's totals as metrics; docs/operations/metrics.md says what each equals in SQL. Pure.
std::vector<metrics::Family> families_of(const store::Totals& totals);

}  // namespace slipway

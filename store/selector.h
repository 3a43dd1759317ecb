#pragma once

#include <string>
#include <vector>

#include "api/result.h"
#include "store/catalog.h"

namespace slipway::store {

/// "team=quant,tier!=dev,zone in (a, b),!draft" → its terms. Invalid: what is not of this form.
Result<std::vector<LabelTerm>> parse_selector(const std::string& text);

}  // namespace slipway::store

#pragma once

#include <string>
#include <vector>

#include "store/catalog.h"

// Whether the labels in this column meet all terms of this JSON parameter, as `terms_of` writes it. A row
// without the label is in no set, and so outside of each.
#define SLIPWAY_LABELS_FIT(COLUMN, TERMS)                      \
  "NOT EXISTS (SELECT FROM jsonb_to_recordset(" TERMS          \
  "::jsonb) AS t(key text, op text, values text[]) WHERE NOT " \
  "CASE t.op WHEN 'In' THEN coalesce(" COLUMN                  \
  " ->> t.key = ANY (t.values), false) "                       \
  "WHEN 'NotIn' THEN NOT coalesce(" COLUMN                     \
  " ->> t.key = ANY (t.values), false) "                       \
  "WHEN 'Exists' THEN " COLUMN " ? t.key ELSE NOT " COLUMN " ? t.key END) "

namespace slipway::store::postgres {

/// A JSON list of {key, op, values}.
std::string terms_of(const std::vector<LabelTerm>& terms);

}  // namespace slipway::store::postgres

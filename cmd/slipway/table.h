#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/clock.h"
#include "store/catalog.h"

namespace slipway::cli {

/// Rows under headings, columns padded with blanks; empty cells read `<none>`. Every cell is made printable.
std::string render_table(const std::vector<std::string>& headings,
                         const std::vector<std::vector<std::string>>& rows);

/// The table `get` shows of these documents: NAME first, AGE last.
std::string render_documents(store::Table table, const std::vector<nlohmann::json>& documents, bool wide,
                             TimePoint now);

/// "5s", "3m", "4h", "2d": the largest unit. `<none>` for what is no timestamp.
std::string age(const nlohmann::json& timestamp, TimePoint now);

/// An execution's name, or its id when it has none; any other document's name.
std::string name_of(const nlohmann::json& document);

}  // namespace slipway::cli

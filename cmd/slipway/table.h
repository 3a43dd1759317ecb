#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/clock.h"
#include "store/catalog.h"

namespace slipway::cli {

using Cells = std::vector<std::string>;

/// Rows under headings, columns padded with blanks; empty cells read `<none>`. Every cell is made printable.
std::string render_table(const Cells& headings, const std::vector<Cells>& rows);

/// A table that grows: what comes later stands under the columns of what came before, as far as it fits.
class TablePrinter {
 public:
  explicit TablePrinter(Cells headings) : headings_(std::move(headings)), widths_(headings_.size()) {}
  /// With the headings, unless they stand already or are not wanted.
  std::string render(const std::vector<Cells>& rows, bool with_headings);

 private:
  void measure(const Cells& line);
  std::string line_of(const Cells& line) const;

  Cells headings_;
  std::vector<std::size_t> widths_;
};

/// The columns `get` shows: NAME first, AGE last.
Cells headings_of(store::Table table, bool wide);
/// A document in these columns.
Cells row_of(store::Table table, const nlohmann::json& document, bool wide, TimePoint now);
/// All of it as one table.
std::string render_documents(store::Table table, const std::vector<nlohmann::json>& documents, bool wide,
                             TimePoint now);

/// "5s", "3m", "4h", "2d": the largest unit. `<none>` for what is no timestamp.
std::string age(const nlohmann::json& timestamp, TimePoint now);

/// An execution's name, or its id when it has none; any other document's name.
std::string name_of(const nlohmann::json& document);

}  // namespace slipway::cli

#include "store/postgres/parameters.h"
#include "store/postgres/reads.h"
#include "store/postgres/statements.h"

namespace slipway::store::postgres {

Totals read_totals(Connection& connection, const std::string& node, Duration term) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(term).count();
  const auto rows = connection.query(sql::kReadTotals, {node, std::to_string(us)});
  Totals totals;
  for (int i = 0; i < rows.size(); ++i) {
    const auto kind = rows.string(i, 0);
    const auto agent = rows.string(i, 1);
    const auto status = status_from(rows.string(i, 2));
    const auto n = rows.number(i, 4);
    if (kind == "finished") {
      const auto reason = reason_from(rows.string(i, 3));
      if (status && reason) totals.finished.push_back({agent, *status, *reason, n});
    } else if (kind == "unfinished") {
      if (status) totals.unfinished.push_back({agent, *status, n});
    } else if (kind == "agent") {
      totals.agents.push_back(agent);
    } else if (kind == "spends") {
      totals.ours_to_tell = true;
      totals.spends = n;
    } else if (kind == "refunds") {
      totals.refunds = n;
    } else if (kind == "output_bytes") {
      totals.output_bytes = n;
    } else if (kind == "oldest_pending_us") {
      totals.oldest_pending = std::chrono::microseconds(n);
    } else if (kind == "unfolded") {
      totals.unfolded = n;
    }
  }
  return totals;
}

}  // namespace slipway::store::postgres

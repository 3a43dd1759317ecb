#include "test/bench/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace slipway::bench {

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
}

double median(std::vector<double> values) { return percentile(std::move(values), 0.5); }

std::string table_of(const std::vector<Line>& lines) {
  char row[160];
  std::snprintf(row, sizeof row, "%-52s %12s %10s %s\n", "measure", "budget", "figure", "unit");
  std::string table = row;
  for (const auto& line : lines) {
    std::snprintf(row, sizeof row, "%-52s %12s %10.2f %s\n", line.measure.c_str(), line.budget.c_str(),
                  line.figure, line.unit.c_str());
    table += row;
  }
  return table;
}

nlohmann::json json_of(const std::vector<Line>& lines) {
  auto json = nlohmann::json::object();
  for (const auto& line : lines)
    if (!line.key.empty()) json[line.key] = std::round(line.figure * 1000) / 1000;
  return json;
}

}  // namespace slipway::bench

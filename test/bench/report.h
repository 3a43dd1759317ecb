#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace slipway::bench {

double median(std::vector<double> values);
/// The value below which `share` (0 to 1) of the values lie, by nearest rank.
double percentile(std::vector<double> values, double share);

/// One line of the table and one member of the JSON.
struct Line {
  std::string key;  ///< of the JSON; empty: in the table only
  std::string measure;
  std::string budget;  ///< empty: none
  double figure = 0;
  std::string unit;
};

std::string table_of(const std::vector<Line>& lines);
nlohmann::json json_of(const std::vector<Line>& lines);

}  // namespace slipway::bench

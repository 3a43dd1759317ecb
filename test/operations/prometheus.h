#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "test/support/docker_engine/child_process.h"

namespace slipway::test {

/// A Prometheus of its own on a private port, its data in a new directory that goes with it. Scrapes and
/// evaluates every second.
class Prometheus {
 public:
  /// `rules`: the text of a rule file.
  explicit Prometheus(const std::string& rules);
  ~Prometheus();
  Prometheus(const Prometheus&) = delete;
  Prometheus& operator=(const Prometheus&) = delete;

  /// The daemon is there from now on; it stays the instance "n1".
  void scrape(int port);

  struct Series {
    std::map<std::string, std::string> labels;
    double value = 0;
  };
  /// An instant query; fails the test where it is refused.
  std::vector<Series> query(const std::string& expression) const;
  /// Its only value, or nothing where there is no series.
  std::optional<double> value(const std::string& expression) const;
  /// The answer's "result" over the last `seconds`, a point each `step` seconds.
  nlohmann::json range(const std::string& expression, int seconds, int step) const;
  bool firing(const std::string& alert) const;
  bool quiet(const std::string& alert) const;  ///< neither pending nor firing

 private:
  nlohmann::json get(const std::string& target) const;
  int alerts(const std::string& alert, bool firing_only) const;

  std::string directory_;
  int port_;
  ChildProcess process_;
};

}  // namespace slipway::test

// What a daemon tells of the cluster: which series there are before anything has happened.
#include "cmd/slipwayd/cluster_metrics.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

/// labels → value of one family.
std::map<metrics::Labels, double> series(const store::Totals& totals, const std::string& name) {
  std::map<metrics::Labels, double> found;
  for (const auto& family : families_of(totals)) {
    if (family.name != name) continue;
    for (const auto& sample : family.samples)
      EXPECT_TRUE(found.emplace(sample.labels, sample.value).second) << "twice the same series";
  }
  return found;
}

TEST(ClusterMetrics, ThePlatformsFailuresOfAnAgentBeginAtZero) {
  store::Totals totals;
  totals.agents = {"new", "old"};
  totals.finished = {{"old", Status::Failed, Reason::EngineError, 3},
                     {"old", Status::Completed, Reason::Completed, 5},
                     {"gone", Status::Failed, Reason::NonZeroExit, 1}};
  const auto told = series(totals, "slipway_executions_finished_total");
  std::size_t platform = 0;
  for (const auto& row : all_reasons()) {
    if (row.fault != Fault::Platform) continue;
    ++platform;
    const std::string reason(row.name);
    EXPECT_EQ(told.at({{"agent", "new"}, {"status", "FAILED"}, {"reason", reason}}), 0) << reason;
    EXPECT_EQ(told.at({{"agent", "old"}, {"status", "FAILED"}, {"reason", reason}}),
              row.reason == Reason::EngineError ? 3 : 0)
        << reason;
  }
  EXPECT_EQ(told.at({{"agent", "old"}, {"status", "COMPLETED"}, {"reason", "Completed"}}), 5);
  EXPECT_EQ(told.at({{"agent", "gone"}, {"status", "FAILED"}, {"reason", "NonZeroExit"}}), 1);
  EXPECT_EQ(told.size(), 2 * platform + 2) << "bounded: nothing else begins at 0";
}

TEST(ClusterMetrics, RefusalsAndWhatWaitsBeginAtZeroToo) {
  store::Totals totals;
  totals.agents = {"new"};
  EXPECT_EQ(series(totals, "slipway_admission_denied_total").at({{"reason", "RateLimited"}}), 0);
  EXPECT_EQ(series(totals, "slipway_executions").at({{"agent", "new"}, {"status", "PENDING"}}), 0);
}

}  // namespace
}  // namespace slipway

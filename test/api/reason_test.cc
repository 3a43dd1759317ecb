#include "api/reason.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace slipway {
namespace {

TEST(Reason, EveryRowStandsAtItsEnumerator) {
  for (int i = 0; i <= static_cast<int>(Reason::NotEnforceable); ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_EQ(row_of(reason).reason, reason) << row_of(reason).name;
    EXPECT_EQ(reason_from(row_of(reason).name), reason);
    EXPECT_FALSE(row_of(reason).message.empty());
  }
}

TEST(Reason, NobodyPaysForAPlatformFault) {
  for (int i = 0; i <= static_cast<int>(Reason::NotEnforceable); ++i) {
    const auto& row = row_of(static_cast<Reason>(i));
    if (row.fault == Fault::Platform) {
      EXPECT_EQ(row.use, UseRule::Refunded) << row.name;
      EXPECT_FALSE(row.priced) << row.name;
    }
    if (row.fault == Fault::Policy) EXPECT_EQ(row.use, UseRule::NeverSpent) << row.name;
  }
}

TEST(Reason, OnlyWhatCompletedIsCharged) {
  for (const auto& row : all_reasons()) EXPECT_EQ(row.priced, row.reason == Reason::Completed) << row.name;
}

// What users look up is what the code does: one line of docs/errors.md a reason, with its status, fault and
// use.
TEST(Reason, TheCatalogueSaysTheSame) {
  std::ostringstream text;
  text << std::ifstream(std::string(std::getenv("SLIPWAY_SOURCE_DIR")) + "/docs/errors.md").rdbuf();
  const auto page = text.str();
  for (int i = 0; i <= static_cast<int>(Reason::NotEnforceable); ++i) {
    const auto& row = row_of(static_cast<Reason>(i));
    std::string line = "| `" + std::string(row.name) + "` | " + std::string(to_string(row.status)) + " | ";
    if (is_final(row.status)) {
      line += std::string(to_string(row.fault)) + " | ";
      line += row.use == UseRule::Spent                    ? "spent | "
              : row.use == UseRule::NeverSpent             ? "never | "
              : row.use == UseRule::RefundedIfNeverStarted ? "given back before the start, else spent | "
                                                           : "given back | ";
    }
    EXPECT_NE(page.find(line), std::string::npos) << line;
  }
}

TEST(Reason, NamesAreReadBack) {
  for (auto stage : kStages) EXPECT_EQ(stage_from(to_string(stage)), stage);
  EXPECT_EQ(stage_from("running"), std::nullopt);
  EXPECT_EQ(status_from("TIMEOUT"), Status::Timeout);
  EXPECT_EQ(verdict_from("Drain"), Verdict::Drain);
}

}  // namespace
}  // namespace slipway

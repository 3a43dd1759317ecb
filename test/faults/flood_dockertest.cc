// A role that may do nothing but connect shouts at the daemon.

#include <gtest/gtest.h>

#include "test/faults/containers.h"

namespace slipway::test {
namespace {

TEST(Flood, NotificationsOfAStrangerStopNobodyAndFillNoLog) {
  House house;
  house.agent("quick", "cp /input/input.json /output/result.json");
  house.sql().exec("DROP ROLE IF EXISTS stranger");
  house.sql().exec("CREATE ROLE stranger LOGIN");
  auto as_stranger = house.database_url();
  as_stranger.replace(as_stranger.find("postgres@"), 8, "stranger");
  const auto pid = house.daemon().pid();
  const auto log_before = house.daemon().log().size();
  {
    Sql stranger(as_stranger);
    ASSERT_EQ(stranger.value("SELECT current_user"), "stranger");
    for (int round = 0; round < 3; ++round) {
      stranger.exec(
          "DO $$ BEGIN FOR i IN 1..9000 LOOP PERFORM pg_notify('slipway_changed', 'trash-' || i); END LOOP; "
          "END $$");
      stranger.exec(
          "DO $$ BEGIN FOR i IN 1..9000 LOOP PERFORM pg_notify('slipway_changed', gen_random_uuid()::text); "
          "END LOOP; END $$");
    }
    const auto id = house.insert("quick", R"({"n":1})");
    EXPECT_EQ(house.finished(id)["reason"], "Completed");
  }
  house.sql().exec("DROP ROLE stranger");
  EXPECT_TRUE(house.daemon().ready());
  EXPECT_EQ(house.daemon().pid(), pid);
  EXPECT_LT(house.daemon().log().size() - log_before, 20'000U);
  EXPECT_EQ(house.leftovers(), std::vector<std::string>{});
}

}  // namespace
}  // namespace slipway::test

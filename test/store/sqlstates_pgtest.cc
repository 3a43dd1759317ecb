// What the client library makes of every class of SQLSTATE that a server can send.
#include "store/postgres/connection.h"
#include "test/store/store_rig.h"

namespace slipway::test {
namespace {

using store::postgres::Connection;
using store::postgres::Failure;
using store::postgres::Statement;

constexpr Statement kRaise{"raise", "SELECT testing.raise_state($1)"};
constexpr Statement kOne{"one", "SELECT 1"};

class Sqlstates : public StoreRig {
 protected:
  Sqlstates() {
    sql_->exec(R"(CREATE FUNCTION testing.raise_state(state text) RETURNS void LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'on purpose' USING ERRCODE = state; END $$)");
  }
  static std::optional<Failure> failure_of(Connection& connection, const std::string& state, bool commits) {
    try {
      if (commits) {
        connection.commit(kRaise, {state});
      } else {
        connection.query(kRaise, {state});
      }
    } catch (const Failure& failure) {
      return failure;
    }
    return std::nullopt;
  }
};

TEST_F(Sqlstates, EveryClassIsKnown) {
  const char* const classes[] = {"02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "20",
                                 "21", "22", "23", "24", "25", "26", "27", "28", "2B", "2D", "2F",
                                 "34", "38", "39", "3B", "3D", "3F", "40", "42", "44", "53", "54",
                                 "55", "57", "58", "72", "F0", "HV", "P0", "XX", "SW"};
  const char* const members[] = {"000", "001", "002", "003", "004", "006", "100", "200", "300",
                                 "400", "501", "502", "503", "505", "514", "601", "703", "883",
                                 "P01", "P02", "P03", "P04", "P05", "P06", "014", "01Z"};
  for (const std::string group : classes) {
    auto connection = std::make_unique<Connection>(store::postgres::ConnectionOptions{.url = url_});
    for (const std::string member : members) {
      const auto state = group + member;
      for (const bool commits : {false, true}) {
        const auto failure = failure_of(*connection, state, commits);
        ASSERT_TRUE(failure) << state;
        const bool broken = group == "08";
        const bool unsure = state == "40003";
        if (!broken) {
          EXPECT_EQ(failure->sqlstate().substr(0, 2), group)
              << state << ": an error of the server is no broken connection";
          if (!unsure && (!commits || !failure->connection_lost()))
            EXPECT_EQ(failure->error().error_class, store::postgres::classify(state)) << state;
        }
        if (failure->connection_lost()) {
          EXPECT_NE(failure->error().error_class, ErrorClass::Invalid) << state;
          connection = std::make_unique<Connection>(store::postgres::ConnectionOptions{.url = url_});
        } else {
          EXPECT_EQ(connection->query(kOne).number(0, 0), 1) << state;
        }
      }
    }
  }
}

TEST_F(Sqlstates, AMissingRightNamesTheRoleThatHasIt) {
  sql_->exec("DROP ROLE IF EXISTS nobody_much; CREATE ROLE nobody_much LOGIN");
  const auto url = server_.url(sql_->value("SELECT current_database()"), "nobody_much");
  Connection connection({.url = url, .needed_role = "slipway_admin"});
  for (const auto* sql :
       {"SELECT * FROM slipway.nodes", "DELETE FROM slipway.agents", "SELECT slipway.act_as('n1', 1)"}) {
    try {
      connection.query({"denied", sql});
      ADD_FAILURE() << sql;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.error().error_class, ErrorClass::Invalid) << sql;
      EXPECT_EQ(failure.sqlstate(), "42501") << sql;
      EXPECT_FALSE(failure.connection_lost()) << sql;
      EXPECT_NE(failure.error().message.find("permission denied for"), std::string::npos) << failure.what();
      EXPECT_NE(failure.error().message.find(": needs role slipway_admin"), std::string::npos)
          << failure.what();
    }
  }
}

}  // namespace
}  // namespace slipway::test

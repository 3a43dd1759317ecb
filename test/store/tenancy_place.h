#pragma once

#include <set>
#include <string>

#include "store/postgres/migrate.h"
#include "test/support/postgres_server/postgres_server.h"

namespace slipway::test {

/// A database as an operator has it: owned and migrated by a role that is no superuser, so that FORCE counts,
/// with a login role for each kind of service.
///
///   shop     submitter for u-1          rival    submitter for u-2
///   backend  submitter for anyone       idler    submitter for nobody
///   board    reader of everything       desk     reader of u-1's
///   daemon   controller                 steward  admin
///   landlord the owner                  stranger no role of ours
class TenancyPlace {
 public:
  static TenancyPlace create(PostgresServer& server) {
    static std::set<PostgresServer*> prepared;
    if (prepared.insert(&server).second) prepare(server);
    static int count = 0;
    TenancyPlace place{"tenancy_" + std::to_string(++count)};
    Sql(server.url()).exec("CREATE DATABASE " + place.database + " TEMPLATE tenancy_template OWNER landlord");
    return place;
  }
  std::string url(const PostgresServer& server, const std::string& role) const {
    return server.url(database, role);
  }

  std::string database;

 private:
  static void prepare(PostgresServer& server) {
    Sql root(server.url());
    root.exec("CREATE ROLE landlord LOGIN CREATEROLE");
    // Another database of this server had them made by the superuser: its to give
    // (docs/operations/managed.md).
    if (root.value("SELECT count(*) FROM pg_roles WHERE rolname = 'slipway_admin'") == "1")
      root.exec(
          "GRANT slipway_submitter, slipway_reader, slipway_controller, slipway_admin TO landlord WITH ADMIN "
          "OPTION");
    Sql(server.url()).exec("CREATE DATABASE tenancy_template OWNER landlord");
    const auto url = server.url("tenancy_template", "landlord");
    if (const auto done = store::postgres::migrate(url); !done)
      throw std::runtime_error(done.error().message);
    Sql(url).exec(R"(
      CREATE ROLE shop LOGIN IN ROLE slipway_submitter;
      CREATE ROLE rival LOGIN IN ROLE slipway_submitter;
      CREATE ROLE backend LOGIN IN ROLE slipway_submitter;
      CREATE ROLE idler LOGIN IN ROLE slipway_submitter;
      CREATE ROLE board LOGIN IN ROLE slipway_reader;
      CREATE ROLE desk LOGIN IN ROLE slipway_reader;
      CREATE ROLE daemon LOGIN IN ROLE slipway_controller;
      CREATE ROLE steward LOGIN IN ROLE slipway_admin;
      CREATE ROLE stranger LOGIN;
      INSERT INTO slipway.submitter_users VALUES
        ('shop', 'u-1'), ('rival', 'u-2'), ('backend', '*'), ('board', '*'), ('desk', 'u-1'))");
  }
};

}  // namespace slipway::test

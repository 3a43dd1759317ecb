// The suite of the port, on PostgreSQL.
#include "test/store/postgres_harness.h"
#include "test/store/store_conformance_admission.h"
#include "test/store/store_conformance_ledger.h"
#include "test/store/store_conformance_steps.h"
#include "test/store/tenancy_place.h"

namespace slipway::store {
namespace {

std::unique_ptr<StoreHarness> make_postgres_harness() {
  return std::make_unique<PostgresHarness>(test::PostgresServer::shared().create_migrated_database());
}

// The same under row-level security: nobody on the platform's side is a superuser, and the stores log in as a
// role that is a member of slipway_controller and nothing else.
std::unique_ptr<StoreHarness> make_member_harness() {
  auto& server = test::PostgresServer::shared();
  const auto place = test::TenancyPlace::create(server);
  return std::make_unique<PostgresHarness>(place.url(server, "postgres"), place.url(server, "daemon"));
}

INSTANTIATE_TEST_SUITE_P(Postgres, StoreConformance,
                         ::testing::Values(StoreHarnessFactory(make_postgres_harness)));
INSTANTIATE_TEST_SUITE_P(PostgresAsMember, StoreConformance,
                         ::testing::Values(StoreHarnessFactory(make_member_harness)));

}  // namespace
}  // namespace slipway::store

#include "test/store/memory_harness.h"
#include "test/store/store_conformance_admission.h"
#include "test/store/store_conformance_ledger.h"
#include "test/store/store_conformance_steps.h"

namespace slipway::store {
namespace {

std::unique_ptr<StoreHarness> make_memory_harness() { return std::make_unique<MemoryHarness>(); }

INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance,
                         ::testing::Values(StoreHarnessFactory(make_memory_harness)));

}  // namespace
}  // namespace slipway::store

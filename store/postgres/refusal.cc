#include "store/postgres/refusal.h"

namespace slipway::store::postgres {
Failure refusal(const Failure& failure) {
  if (failure.error().error_class != ErrorClass::Invalid) return failure;
  if (failure.of_data()) return failure;
  return Failure({ErrorClass::Unsupported, failure.error().message}, failure.sqlstate(),
                 failure.connection_lost());
}

}  // namespace slipway::store::postgres

#include "store/postgres/refusal.h"

#include <array>
#include <ranges>

namespace slipway::store::postgres {
namespace {

// Data exceptions, violated constraints, WITH CHECK OPTION, and what is too deep or too wide for the server.
constexpr std::array<std::string_view, 4> kOfData = {"22", "23", "44", "54"};

}  // namespace

Failure refusal(const Failure& failure) {
  if (failure.error().error_class != ErrorClass::Invalid) return failure;
  const auto group = std::string_view(failure.sqlstate()).substr(0, 2);
  if (std::ranges::find(kOfData, group) != kOfData.end()) return failure;
  return Failure({ErrorClass::Unsupported, failure.error().message}, failure.sqlstate(),
                 failure.connection_lost());
}

Failure read_refusal(const Failure& failure) {
  const bool damaged = failure.sqlstate() == "XX001" || failure.sqlstate() == "XX002";
  return damaged ? failure : refusal(failure);
}

}  // namespace slipway::store::postgres

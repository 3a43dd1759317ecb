#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "admission/contracts.h"
#include "api/kinds.h"
#include "api/policy.h"
#include "store/catalog.h"

namespace slipway::admission {

/// Why a request would end before it runs, in words for its user.
struct Refusal {
  Reason reason = Reason::InputInvalid;
  std::string message;
  std::string pointer;                  ///< InputInvalid: JSON pointer into the input, where one is known
  std::chrono::seconds retry_after{0};  ///< RateLimited: until the window ends; else 0
};

/// What the first decision would say to this request now: for doors that answer at once and for dry runs. It
/// promises nothing: the reconciler decides again, with locks held. Time grows with the input.
std::optional<Refusal> foresee(const ExecutionSpec& request, const store::Outlook& outlook,
                               Contracts& contracts, const Policy& policy, TimePoint now);

}  // namespace slipway::admission

#include "admission/foresight.h"

#include <cmath>

#include "admission/first_decision.h"

namespace slipway::admission {
namespace {

store::Undecided as_row(const ExecutionSpec& request, const store::Outlook& outlook) {
  store::Undecided row;
  row.user_id = request.user;
  row.agent = request.agent;
  row.not_before = request.not_before;
  row.start_deadline = request.start_deadline;
  if (request.timeout) row.timeout_seconds = static_cast<int>(request.timeout->count());
  row.retry_limit = request.retry_limit;
  row.input = request.input;
  row.agent_revision = outlook.agent_revision;
  row.spec = outlook.agent;
  return row;
}

}  // namespace

std::optional<Refusal> foresee(const ExecutionSpec& request, const store::Outlook& outlook,
                               Contracts& contracts, const Policy& policy, TimePoint now) {
  const auto row = as_row(request, outlook);
  const auto input = row.spec ? contracts.check_input(row.agent, row.agent_revision, *row.spec, row.input)
                              : ContractVerdict{};
  const auto of_itself = decide_first(row, input, policy, now);
  if (of_itself.to == Stage::Finished) {
    return Refusal{
        of_itself.reason,
        of_itself.message.empty() ? std::string(row_of(of_itself.reason).message) : of_itself.message,
        input.pointer};
  }
  if (!outlook.refusal) return std::nullopt;
  Refusal refusal{*outlook.refusal, std::string(row_of(*outlook.refusal).message), ""};
  if (refusal.reason == Reason::RateLimited) {
    refusal.retry_after = std::chrono::seconds(static_cast<int>(std::ceil(outlook.window_ends_in)));
    refusal.message += " Try again in " + std::to_string(refusal.retry_after.count()) + " s.";
  }
  return refusal;
}

}  // namespace slipway::admission

#include "admission/first_decision.h"

#include <utility>

#include "api/granted.h"
#include "api/utf8.h"

namespace slipway::admission {
namespace {

constexpr std::size_t kInputBytes = 1 << 20;
constexpr std::size_t kMostWords = 2048;  // a pointer into an input is a kilobyte at most

store::Decision refuse(const store::Undecided& row, Reason reason, const std::string& message = {}) {
  store::Decision decision;
  decision.id = row.id;
  decision.from = row.stage;
  decision.to = Stage::Finished;
  decision.reason = reason;
  decision.message = excerpt(message, kMostWords);
  return decision;
}

Asked asked_by(const store::Undecided& row) {
  Asked asked{std::nullopt, row.retry_limit};
  if (row.timeout_seconds) asked.timeout = std::chrono::seconds(*row.timeout_seconds);
  return asked;
}

store::Decision accept(const store::Undecided& row, Stage to) {
  store::Decision decision;
  decision.id = row.id;
  decision.from = row.stage;
  decision.to = to;
  decision.reason = Reason::Queued;
  decision.agent_revision = row.agent_revision;
  const auto asked = asked_by(row);
  decision.timeout_seconds = static_cast<int>(granted_timeout(asked, *row.spec).count());
  decision.retry_limit = granted_retries(asked, *row.spec);
  // In the row and its event: nothing else tells those who came by SQL.
  for (const auto& words : lowered(asked, *row.spec)) {
    if (decision.message.empty()) decision.message = row_of(decision.reason).message;
    decision.message.back() = ';';
    decision.message += " " + words + ".";
  }
  return decision;
}

}  // namespace

store::Decision decide_first(const store::Undecided& row, const ContractVerdict& input, const Policy& policy,
                             TimePoint now) {
  if (!row.unreadable.empty())
    return refuse(row, Reason::EngineError, "The request cannot be read back; it was not run.");
  if (row.cancel_requested) return refuse(row, Reason::Cancelled);
  if (row.start_deadline && now >= *row.start_deadline) return refuse(row, Reason::StartDeadlineExceeded);
  if (!row.spec && row.agent_revision > 0)
    return refuse(row, Reason::AgentSuspended, "The agent's spec cannot be used; its author has to mend it.");
  if (!row.spec) return refuse(row, Reason::AgentNotFound);
  if (row.spec->suspend) return refuse(row, Reason::AgentSuspended);
  if (const auto objection = objection_of(policy, *row.spec))
    return refuse(row, objection->reason, objection->message);
  if (row.input.size() > kInputBytes) return refuse(row, Reason::InputTooLarge);
  if (input.schema_broken)
    return refuse(row, Reason::AgentSuspended,
                  "The agent's input schema cannot be used; its author has to mend it.");
  if (!input.problem.empty())
    return refuse(row, Reason::InputInvalid, "The input is not valid for this agent: " + input.problem + ".");
  const bool early = row.not_before && *row.not_before > now;
  return accept(row, early ? Stage::Deferred : Stage::Queued);
}

}  // namespace slipway::admission

#include "reconcilers/execution/admission.h"

#include <algorithm>
#include <deque>
#include <map>

namespace slipway::reconcilers {
namespace {

constexpr std::int64_t kInputBytes = 1 << 20;

store::Decision refuse(const store::Undecided& row, Reason reason) {
  store::Decision decision;
  decision.id = row.id;
  decision.from = row.stage;
  decision.to = Stage::Finished;
  decision.reason = reason;
  return decision;
}

store::Decision accept(const store::Undecided& row, Stage to) {
  store::Decision decision;
  decision.id = row.id;
  decision.from = row.stage;
  decision.to = to;
  decision.reason = Reason::Queued;
  decision.agent_revision = row.agent_revision;
  const auto asked = row.timeout_seconds.value_or(static_cast<int>(row.spec->timeout.count()));
  decision.timeout_seconds = std::min(asked, static_cast<int>(row.spec->max_timeout.count()));
  decision.retry_limit = std::min(row.retry_limit.value_or(row.spec->retry_limit), row.spec->retry_limit);
  return decision;
}

}  // namespace

store::Decision decide_first(const store::Undecided& row, TimePoint now) {
  if (row.cancel_requested) return refuse(row, Reason::Cancelled);
  if (row.start_deadline && now >= *row.start_deadline) return refuse(row, Reason::StartDeadlineExceeded);
  if (!row.spec) return refuse(row, Reason::AgentNotFound);
  if (row.spec->suspend) return refuse(row, Reason::AgentSuspended);
  if (row.input_bytes > kInputBytes) return refuse(row, Reason::InputTooLarge);
  const bool early = row.not_before && *row.not_before > now;
  return accept(row, early ? Stage::Deferred : Stage::Queued);
}

std::vector<ExecutionId> pick_fairly(const std::vector<store::Candidate>& candidates, int count) {
  std::vector<ExecutionId> picked;
  std::size_t at = 0;
  while (at < candidates.size() && static_cast<int>(picked.size()) < count) {
    const int band = candidates[at].priority;
    // Users take turns in the order of their oldest row.
    std::vector<std::deque<const store::Candidate*>> turns;
    std::map<std::string, std::size_t> turn_of;
    for (; at < candidates.size() && candidates[at].priority == band; ++at) {
      const auto [found, is_new] = turn_of.emplace(candidates[at].user_id, turns.size());
      if (is_new) turns.emplace_back();
      turns[found->second].push_back(&candidates[at]);
    }
    for (std::size_t taken = 1; taken > 0 && static_cast<int>(picked.size()) < count;) {
      taken = 0;
      for (auto& turn : turns) {
        if (turn.empty() || static_cast<int>(picked.size()) == count) continue;
        picked.push_back(turn.front()->id);
        turn.pop_front();
        ++taken;
      }
    }
  }
  return picked;
}

}  // namespace slipway::reconcilers

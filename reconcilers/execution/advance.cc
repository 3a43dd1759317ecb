#include "reconcilers/execution/advance.h"

namespace slipway::reconcilers {
namespace {

template <class To, class From>
void take(To& column, const std::optional<From>& written) {
  if (written) column = *written;
}

}  // namespace

Execution advance(Execution row, const store::Transition& transition) {
  row.stage = transition.to;
  if (transition.to != Stage::Finished && transition.to != Stage::Cleaned) {
    row.status = status_while(transition.to);
    row.reason = transition.reason;
  }
  take(row.engine, transition.engine);
  take(row.image_id, transition.image_id);
  take(row.intent_at, transition.intent_at);
  take(row.started_at, transition.started_at);
  take(row.deadline_at, transition.deadline_at);
  take(row.kill_at, transition.kill_at);
  take(row.create_failures, transition.create_failures);
  if (!row.verdict) row.verdict = transition.verdict;  // the first one wins
  return row;
}

Execution advance(Execution row, const Record& record) {
  if (const auto* transition = std::get_if<store::Transition>(&record))
    return advance(std::move(row), *transition);
  if (const auto* finish = std::get_if<store::Finish>(&record)) {
    row.stage = Stage::Finished;
    row.reason = finish->reason;
  }
  return row;
}

bool goes_on(const Record& record) {
  return std::holds_alternative<store::Transition>(record) || std::holds_alternative<store::Finish>(record);
}

}  // namespace slipway::reconcilers

#include "reconcilers/execution/transition_log.h"

#include "logging/log.h"

namespace slipway::reconcilers {

void log_transition(const store::Step& step, std::string_view detail) {
  const bool final = step.to == Stage::Finished || step.to == Stage::Cleaned;
  const auto status = final ? row_of(step.reason).status : status_while(step.to);
  logging::info("transition", {{"execution", step.id},
                               {"agent", step.agent},
                               {"attempt", std::to_string(step.attempt)},
                               {"from", std::string(to_string(step.from))},
                               {"to", std::string(to_string(step.to))},
                               {"status", std::string(to_string(status))},
                               {"reason", std::string(to_string(step.reason))},
                               {"detail", std::string(detail)},
                               {"traceparent", step.traceparent}});
}

}  // namespace slipway::reconcilers
